# Figures of the claims: what the verdicts are about, under the reference backend.
#
# takes   tables/degradation.tsv and phases.tsv, and the probes, whose chance levels are drawn
# leaves  figures/phases, comparisons and single, .svg and .png


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
        reference=CONFIG["compare"]["reference"],
        roles=ROLES,
    script:
        "../scripts/plot_claims.py"
