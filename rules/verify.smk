# Verify: whether the exact backend gives here what it gave elsewhere, digest by digest.
#
# INPUTS   the exact backends' texts and scores; for `snakemake verify`, the backup alone
# OUTPUTS  digests.json; `snakemake verify` leaves nothing, and fails at the first digest that differs
#          from resources/expected/RUN.json

VERIFYING = USED.verifying
EXPECTED_FILE = os.path.relpath(PROJECT / f"resources/expected/{CONFIG.run}.json")
EXPECTED = [EXPECTED_FILE] if Path(EXPECTED_FILE).exists() else []


rule collect_digests:
    """Write down the digests of weights, noise, logits and tokens."""
    input:
        code=code("collect_digests.py"),
        manifest="<manifest>",
        text=CONFIG.evaluation.text,
        noise=noise_paths(one for chunk in USED.exact_chunks.values() for one in chunk),
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet", USED.digested
        ),
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", USED.digested),
    output:
        digests="<results>/digests.json",
    log:
        "<logs>/collect_digests.log",
    benchmark:
        "<benchmarks>/collect_digests.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        deciding=json_text(USED.deciding),
        backends=USED.digested,
    script:
        "../scripts/collect_digests.py"


rule verify:
    """Compute weights, noise, logits and tokens again, and compare their digests."""
    input:
        code=code("verify.py"),
        weights="<weights>",
        config="<model_config>",
        tokens="<tokens>",
    log:
        "<logs>/verify.log",
    conda:
        "../envs/lm.yaml"
    threads: VERIFYING.threads if VERIFYING else 1
    resources:
        gpu=int(CONFIG.verify_device == "cuda"),
        mem_mb=memory_of(verify_job),
        runtime=minutes_of(verify_job),
    params:
        deciding=json_text(USED.deciding),
        generation=json_text(CONFIG.generation),
        backend=VERIFYING.model_dump() if VERIFYING else None,
        expected=EXPECTED_FILE,
    script:
        "../scripts/verify.py"
