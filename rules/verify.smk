# Verify: whether the exact backend gives here what it gave elsewhere, digest by digest.
#
# INPUTS   the exact backend's texts and scores; for `snakemake verify`, the backup alone
# OUTPUTS  digests.json; `snakemake verify` leaves nothing, and fails at the first digest that differs
#          from resources/expected/RUN.json

# of several exact backends, the first makes the digests: they have to be those of the others
PORTABLE = USED.portable(USED.scored)[:1]
VERIFYING = [CONFIG.divergence.backends[name] for name in USED.verifying]
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
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet", PORTABLE
        ),
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", PORTABLE),
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
    threads: sum(backend.threads for backend in VERIFYING) or 1
    resources:
        gpu=sum(backend.device == "cuda" for backend in VERIFYING),
        mem_mb=lm_memory,
        runtime=verify_minutes,
    params:
        deciding=json_text(USED.deciding),
        generation=json_text(CONFIG.generation),
        backends=[backend.model_dump() for backend in VERIFYING],
        expected=EXPECTED_FILE,
    script:
        "../scripts/verify.py"
