# Degradation: what becomes of the model and its texts, in a table and its figures.
#
# INPUTS   texts, scores, answers and labels of every scored backend; pristine weights and noise
# OUTPUTS  tables/degradation.tsv, q_histogram.tsv (docs/metrics.md defines every column)
#          figures/labels, degradation, texts and q_histogram, .svg and .png


rule summarise_degradation:
    """Average what each intervention costs, per backend."""
    input:
        code=code("summarise_degradation.py"),
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", USED.scored),
        text_scores=of_backends(
            "<results>/score/{backend}/first/{chunk}.texts.parquet", USED.scored
        ),
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet",
            USED.scored,
            scored_alone=True,
        ),
        answers=of_backends(
            "<results>/score/{backend}/first/{chunk}.tasks.parquet", USED.scored, answered=True
        ),
        labels=expand("<results>/labels/{backend}.parquet", backend=USED.scored),
    output:
        table="<results>/tables/degradation.tsv",
    log:
        "<logs>/summarise_degradation.log",
    benchmark:
        "<benchmarks>/summarise_degradation.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        backends=USED.scored,
    script:
        "../scripts/summarise_degradation.py"


rule count_weights:
    """Count the weights of each block's matrix, and the noise that replaces them."""
    input:
        code=code("count_weights.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        noise=expand("<results>/corrupt/noise/{name}.safetensors", name=USED.shown_noise),
    output:
        table="<results>/tables/q_histogram.tsv",
    log:
        "<logs>/count_weights.log",
    benchmark:
        "<benchmarks>/count_weights.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
    script:
        "../scripts/count_weights.py"


rule plot_degradation:
    """Draw what becomes of the texts and of the model, and what it is done with."""
    input:
        code=code("plot_degradation.py"),
        degradation="<results>/tables/degradation.tsv",
        labels="<results>/tables/labels.tsv",
        histogram="<results>/tables/q_histogram.tsv",
        baselines=["<results>/tables/baselines.tsv"] if USED.baselines else [],
    output:
        labels=report(
            "<results>/figures/labels.svg",
            caption="../report/captions/labels.rst",
            category="1 Degradation",
            labels={"shows": "what the texts become", "by": "blocks replaced"},
        ),
        labels_png="<results>/figures/labels.png",
        degradation=report(
            "<results>/figures/degradation.svg",
            caption="../report/captions/degradation.rst",
            category="1 Degradation",
            labels={"shows": "evaluation text", "by": "blocks replaced"},
        ),
        degradation_png="<results>/figures/degradation.png",
        texts=report(
            "<results>/figures/texts.svg",
            caption="../report/captions/texts.rst",
            category="1 Degradation",
            labels={"shows": "repetition and diversity", "by": "blocks replaced"},
        ),
        texts_png="<results>/figures/texts.png",
        q_histogram=report(
            "<results>/figures/q_histogram.svg",
            caption="../report/captions/q_histogram.rst",
            category="4 Intervention",
            labels={"shows": "the matrix and its noise", "by": "block"},
        ),
        q_histogram_png="<results>/figures/q_histogram.png",
    log:
        "<logs>/plot_degradation.log",
    benchmark:
        "<benchmarks>/plot_degradation.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        cuda=USED.on_cuda,
        reference=REFERENCE,
        n_blocks=CONFIG.model.n_blocks,
        # the labels shown are those of the article's sweep
        sweep=USED.headline,
        # single blocks whose texts the reference alone generates are in the figure `single`
        sweeps=sweeps_run(CONFIG.sweeps, TEXTS),
    script:
        "../scripts/plot_degradation.py"
