# Verify: whether the exact backend gives here what it gave elsewhere, digest by digest.
#
# takes   the exact backend's texts and scores; for `snakemake verify`, the backup alone
# leaves  digests.json; `snakemake verify` leaves nothing, and fails at the first digest that differs
#         from resources/expected/RUN.json

# the keys that decide the exact backend's results
DECIDING = {
    key: CONFIG[key]
    for key in ("model", "sweeps", "exact_sweeps", "noise_seeds", "generation", "evaluation")
}
EXACT_MEMBERS = [member for chunk in EXACT_CHUNKS.values() for member in chunk]
# of several exact backends, the first makes the digests: they have to be those of the others
PORTABLE = needq_config.portable_backends(CONFIG, SCORED)[:1]
VERIFYING = [
    CONFIG["backends"][name]
    for name in PORTABLE + needq_config.portable_backends(CONFIG, CONFIG["backends"])
    if CUDA or CONFIG["backends"][name]["device"] != "cuda"
][:1]
VOUCHED = f"resources/expected/{CONFIG['run']}.json"
EXPECTED = [VOUCHED] if Path(VOUCHED).exists() else []


rule digests:
    """Write down the digests of weights, noise, logits and tokens."""
    input:
        code=code("digests.py"),
        manifest=f"{RESULTS}/backup/manifest.json",
        text=CONFIG["evaluation"]["text"],
        noise=noise_paths(EXACT_MEMBERS),
        evaluation=expand(
            f"{RESULTS}/score/{{backend}}/first/{{chunk}}.evaluation.parquet",
            backend=PORTABLE,
            chunk=EXACT_CHUNKS,
        ),
        texts=expand(
            f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.parquet",
            backend=PORTABLE,
            chunk=EXACT_CHUNKS,
        ),
    output:
        digests=f"{RESULTS}/digests.json",
    log:
        f"{RESULTS}/logs/digests.log",
    benchmark:
        f"{RESULTS}/benchmarks/digests.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=DECIDING,
    script:
        "../scripts/digests.py"


rule verify:
    """Compute weights, noise, logits and tokens again, and compare their digests."""
    input:
        code=code("verify.py"),
        weights=f"{RESULTS}/backup/model.safetensors",
        config=f"{RESULTS}/backup/config.json",
        tokens=f"{RESULTS}/backup/tokens.json",
    log:
        f"{RESULTS}/logs/verify.log",
    conda:
        "../envs/lm.yaml"
    threads: sum(backend["threads"] for backend in VERIFYING) or 1
    resources:
        gpu=sum(backend["device"] == "cuda" for backend in VERIFYING),
        mem_mb=lm_memory,
        runtime=verify_minutes,
    params:
        config=DECIDING,
        backends=VERIFYING,
        members=[member.to_dict() for member in EXACT_MEMBERS],
        expected=VOUCHED,
    script:
        "../scripts/verify.py"
