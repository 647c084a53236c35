# Figures: drawn from the tables alone, the same bytes on every run.
#
# takes   the tables, and the size of the model's vocabulary (backup/config.json)
# leaves  figures/NAME.svg for the report, and NAME.png beside it as a preview


rule plot:
    """Draw the figures."""
    input:
        code=code("figures.py"),
        degradation=f"{RESULTS}/tables/degradation.tsv",
        summary=f"{RESULTS}/tables/divergence_summary.tsv",
        histogram=f"{RESULTS}/tables/q_histogram.tsv",
        config=f"{RESULTS}/backup/config.json",
    output:
        degradation=report(
            f"{RESULTS}/figures/degradation.svg",
            caption="../report/captions/degradation.rst",
            category="1 Degradation",
            labels={"shows": "evaluation text", "by": "blocks replaced"},
        ),
        degradation_png=f"{RESULTS}/figures/degradation.png",
        texts=report(
            f"{RESULTS}/figures/texts.svg",
            caption="../report/captions/texts.rst",
            category="1 Degradation",
            labels={"shows": "repetition and diversity", "by": "blocks replaced"},
        ),
        texts_png=f"{RESULTS}/figures/texts.png",
        divergence=report(
            f"{RESULTS}/figures/divergence.svg",
            caption="../report/captions/divergence.rst",
            category="2 Divergence",
            labels={"shows": "where backends part", "by": "blocks replaced"},
        ),
        divergence_png=f"{RESULTS}/figures/divergence.png",
        q_histogram=report(
            f"{RESULTS}/figures/q_histogram.svg",
            caption="../report/captions/q_histogram.rst",
            category="3 Intervention",
            labels={"shows": "the matrix and its noise", "by": "block"},
        ),
        q_histogram_png=f"{RESULTS}/figures/q_histogram.png",
    log:
        f"{RESULTS}/logs/plot.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cuda=ON_CUDA,
    script:
        "../scripts/figures.py"


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
        backends=COMPARED,
        cuda=ON_CUDA,
    script:
        "../scripts/show_ledger.py"


rule figures:
    """Every figure."""
    input:
        expand(
            f"{RESULTS}/figures/{{name}}.{{ending}}",
            name=["degradation", "texts", "divergence", "q_histogram"],
            ending=["svg", "png"],
        ),
        rules.show_flips.output if LADDER else [],
        rules.show_ledger.output if LEDGER else [],
