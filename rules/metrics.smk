# Metrics: the tables, means over noise seeds and prompts with 95% intervals.
#
# takes   texts and scores of every backend, diffs of every pair, pristine weights and noise
# leaves  tables/degradation.tsv, divergence.tsv, divergence_summary.tsv, divergence_trend.tsv,
#         q_histogram.tsv (docs/metrics.md defines every column)

# the histogram shows one noise of each matrix and method
SHOWN_NOISE = sorted(
    {
        interventions.noise_name(sweep["matrix"], sweep["method"], CONFIG["noise_seeds"][0])
        for name, sweep in CONFIG["sweeps"].items()
        if name in CONFIG["full_sweeps"]
    }
)


rule degradation:
    """Average what each intervention costs, per backend."""
    input:
        code=code("degradation.py"),
        texts=of_backends(f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.parquet", SCORED),
        text_scores=of_backends(
            f"{RESULTS}/score/{{backend}}/first/{{chunk}}.texts.parquet", SCORED
        ),
        evaluation=of_backends(
            f"{RESULTS}/score/{{backend}}/first/{{chunk}}.evaluation.parquet", SCORED, CHUNKS
        ),
        answers=of_backends(f"{RESULTS}/score/{{backend}}/first/{{chunk}}.probes.parquet", SCORED),
        labels=expand(f"{RESULTS}/labels/{{backend}}.parquet", backend=SCORED),
    output:
        table=f"{RESULTS}/tables/degradation.tsv",
    log:
        f"{RESULTS}/logs/degradation.log",
    benchmark:
        f"{RESULTS}/benchmarks/degradation.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        backends=SCORED,
    script:
        "../scripts/degradation.py"


rule divergence:
    """Join the diffs of all pairs, and sum them up per intervention."""
    input:
        code=code("divergence.py"),
        diffs=[
            f"{RESULTS}/diff/{left}-{right}/{chunk}.parquet"
            for left, right in PAIRS
            for chunk in chunks_of(left, right)
        ],
    output:
        texts=f"{RESULTS}/tables/divergence.tsv",
        summary=f"{RESULTS}/tables/divergence_summary.tsv",
        trend=f"{RESULTS}/tables/divergence_trend.tsv",
    log:
        f"{RESULTS}/logs/divergence.log",
    benchmark:
        f"{RESULTS}/benchmarks/divergence.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../scripts/divergence.py"


rule histogram:
    """Count the weights of each block's matrix, and the noise that replaces them."""
    input:
        code=code("histogram.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        noise=expand(f"{RESULTS}/corrupt/noise/{{name}}.safetensors", name=SHOWN_NOISE),
    output:
        table=f"{RESULTS}/tables/q_histogram.tsv",
    log:
        f"{RESULTS}/logs/histogram.log",
    benchmark:
        f"{RESULTS}/benchmarks/histogram.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=10,
    script:
        "../scripts/histogram.py"


rule tables:
    """Every table."""
    input:
        f"{RESULTS}/tables/degradation.tsv",
        f"{RESULTS}/tables/divergence.tsv",
        f"{RESULTS}/tables/divergence_summary.tsv",
        f"{RESULTS}/tables/divergence_trend.tsv",
        f"{RESULTS}/tables/q_histogram.tsv",
        rules.label_texts.output,
        rules.claims.output if ROLES else [],
        rules.flips.output if LADDER else [],
        rules.ledger.output if LEDGER else [],
