# Claims: each claim of the article put to tests that can fail.
#
# takes   the reference backend's scores, answers and labels, of sweeps with a role (needq.plan.comparisons)
# leaves  tables/claims.tsv, null_ladder.tsv, phases.tsv; pages/claims.html; figures


rule claims:
    """Decide the claims, compare what replaces W_Q, and find where meaning and structure go."""
    input:
        code=code("claims.py"),
        evaluation=of_backends(
            f"{RESULTS}/score/{{backend}}/first/{{chunk}}.evaluation.parquet", [REFERENCE], CHUNKS
        ),
        answers=of_backends(
            f"{RESULTS}/score/{{backend}}/first/{{chunk}}.probes.parquet", [REFERENCE]
        ),
        labels=f"{RESULTS}/labels/{REFERENCE}.parquet",
        probes=f"{RESULTS}/backup/probes.json",
    output:
        claims=f"{RESULTS}/tables/claims.tsv",
        ladder=f"{RESULTS}/tables/null_ladder.tsv",
        phases=f"{RESULTS}/tables/phases.tsv",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        roles=ROLES,
        blocks=BLOCKS,
    script:
        "../scripts/claims.py"


rule show_claims:
    """Write the page of the claims."""
    input:
        code=code("show_claims.py"),
        templates=TEMPLATES,
        claims=f"{RESULTS}/tables/claims.tsv",
        ladder=f"{RESULTS}/tables/null_ladder.tsv",
        phases=f"{RESULTS}/tables/phases.tsv",
    output:
        page=report(
            f"{RESULTS}/pages/claims.html",
            caption="../report/captions/claims.rst",
            category="3 Claims",
            labels={"shows": "verdicts", "by": "claim"},
        ),
    log:
        f"{RESULTS}/logs/show_claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/show_claims.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG["run"],
        backends=[REFERENCE],
        cuda=ON_CUDA,
    script:
        "../scripts/show_claims.py"


rule plot_claims:
    """Draw the probes, the sweeps that the claims compare, and the single blocks."""
    input:
        code=code("plot_claims.py"),
        degradation=f"{RESULTS}/tables/degradation.tsv",
        phases=f"{RESULTS}/tables/phases.tsv",
        probes=f"{RESULTS}/backup/probes.json",
    output:
        phases=report(
            f"{RESULTS}/figures/phases.svg",
            caption="../report/captions/phases.rst",
            category="3 Claims",
            labels={"shows": "meaning and structure", "by": "blocks replaced"},
        ),
        phases_png=f"{RESULTS}/figures/phases.png",
        comparisons=report(
            f"{RESULTS}/figures/comparisons.svg",
            caption="../report/captions/comparisons.rst",
            category="3 Claims",
            labels={"shows": "other matrices, orders, stand-ins", "by": "blocks replaced"},
        ),
        comparisons_png=f"{RESULTS}/figures/comparisons.png",
        single=report(
            f"{RESULTS}/figures/single.svg",
            caption="../report/captions/single.rst",
            category="3 Claims",
            labels={"shows": "single blocks", "by": "block"},
        ),
        single_png=f"{RESULTS}/figures/single.png",
    log:
        f"{RESULTS}/logs/plot_claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cuda=ON_CUDA,
        reference=REFERENCE,
        roles=ROLES,
    script:
        "../scripts/plot_claims.py"
