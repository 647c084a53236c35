# Figures: drawn from the tables alone, the same bytes on every run.
#
# takes   the tables, and the size of the model's vocabulary (backup/config.json)
# leaves  figures/NAME.svg for the report, and NAME.png beside it as a preview


rule plot:
    """Draw what becomes of the texts and of the model, and what it is done with."""
    input:
        code=code("figures.py"),
        degradation=f"{RESULTS}/tables/degradation.tsv",
        labels=f"{RESULTS}/tables/labels.tsv",
        histogram=f"{RESULTS}/tables/q_histogram.tsv",
        config=f"{RESULTS}/backup/config.json",
    output:
        labels=report(
            f"{RESULTS}/figures/labels.svg",
            caption="../report/captions/labels.rst",
            category="1 Degradation",
            labels={"shows": "what the texts become", "by": "blocks replaced"},
        ),
        labels_png=f"{RESULTS}/figures/labels.png",
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
        q_histogram=report(
            f"{RESULTS}/figures/q_histogram.svg",
            caption="../report/captions/q_histogram.rst",
            category="4 Intervention",
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
        reference=REFERENCE,
        blocks=BLOCKS,
        # the labels shown are those of the article's sweep
        sweep=HEADLINE,
    script:
        "../scripts/figures.py"


rule figures:
    """Every figure."""
    input:
        expand(
            f"{RESULTS}/figures/{{name}}.{{ending}}",
            name=["labels", "degradation", "texts", "q_histogram", "divergence", "survival"],
            ending=["svg", "png"],
        ),
        rules.plot_claims.output if ROLES else [],
        rules.show_flips.output if LADDER else [],
        rules.show_ledger.output if LEDGER else [],
