# Figures of divergence: where backends part, how long texts stay whole, and what parts them.
#
# takes   tables/divergence.tsv, divergence_summary.tsv and ledger.tsv
# leaves  figures/divergence, survival and ledger, .svg and .png; pages/ledger.html


rule plot_divergence:
    """Draw how many texts part, and when."""
    input:
        code=code("plot_divergence.py"),
        texts=f"{RESULTS}/tables/divergence.tsv",
        summary=f"{RESULTS}/tables/divergence_summary.tsv",
    output:
        divergence=report(
            f"{RESULTS}/figures/divergence.svg",
            caption="../report/captions/divergence.rst",
            category="2 Divergence",
            labels={"shows": "where backends part", "by": "blocks replaced"},
        ),
        divergence_png=f"{RESULTS}/figures/divergence.png",
        survival=report(
            f"{RESULTS}/figures/survival.svg",
            caption="../report/captions/survival.rst",
            category="2 Divergence",
            labels={"shows": "how long texts stay whole", "by": "token"},
        ),
        survival_png=f"{RESULTS}/figures/survival.png",
    log:
        f"{RESULTS}/logs/plot_divergence.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_divergence.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cuda=ON_CUDA,
    script:
        "../scripts/plot_divergence.py"


rule show_ledger:
    """Draw the ledger, and write its page."""
    input:
        code=code("show_ledger.py"),
        templates=TEMPLATES,
        table=f"{RESULTS}/tables/ledger.tsv",
    output:
        svg=report(
            f"{RESULTS}/figures/ledger.svg",
            caption="../report/captions/ledger.rst",
            category="2 Divergence",
            labels={"shows": "causes, removed one at a time", "by": "cause"},
        ),
        png=f"{RESULTS}/figures/ledger.png",
        page=report(
            f"{RESULTS}/pages/ledger.html",
            caption="../report/captions/ledger.rst",
            category="2 Divergence",
            labels={"shows": "table of causes", "by": "cause"},
        ),
    log:
        f"{RESULTS}/logs/show_ledger.log",
    benchmark:
        f"{RESULTS}/benchmarks/show_ledger.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        run=CONFIG["run"],
        backends=list(dict.fromkeys(name for pair in LEDGER for name in pair)),
        cuda=ON_CUDA,
    script:
        "../scripts/show_ledger.py"
