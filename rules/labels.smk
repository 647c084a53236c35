# Labels: what kind of text each text is, by reference texts of known kind.
#
# INPUTS   the backup, for the pristine model's own texts; every scored backend's texts and scores
# OUTPUTS  labels/reference_texts.parquet   a row per reference text
#          labels/BACKEND.parquet           a row per text
#          tables/labels.tsv, label_axes.tsv, label_confusion.tsv, label_quality.tsv
#          pages/labels.html


rule make_reference_texts:
    """Make texts of known kind from those of the pristine model, under the reference backend."""
    input:
        code=code("make_reference_texts.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
    output:
        texts="<results>/labels/reference_texts.parquet",
    log:
        "<logs>/make_reference_texts.log",
    benchmark:
        "<benchmarks>/make_reference_texts.tsv"
    priority: LONGEST
    conda:
        "../envs/lm.yaml"
    threads: CONFIG.divergence.backends[REFERENCE].threads
    resources:
        gpu=int(CONFIG.divergence.backends[REFERENCE].device == "cuda"),
        mem_mb=memory_of(reference_job),
        runtime=minutes_of(reference_job),
    params:
        backend=CONFIG.divergence.backends[REFERENCE].model_dump(),
        generation=json_text(CONFIG.generation),
        texts_per_prompt=CONFIG.labels.texts_per_prompt,
    script:
        "../scripts/make_reference_texts.py"


rule label_texts:
    """Give every text the label of the reference texts that it resembles most."""
    input:
        code=code("label_texts.py"),
        config="<model_config>",
        references="<results>/labels/reference_texts.parquet",
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", USED.scored),
        scores=of_backends("<results>/score/{backend}/first/{chunk}.texts.parquet", USED.scored),
    output:
        labels=expand("<results>/labels/{backend}.parquet", backend=USED.scored),
        shares="<results>/tables/labels.tsv",
        axes="<results>/tables/label_axes.tsv",
        confusion="<results>/tables/label_confusion.tsv",
        quality="<results>/tables/label_quality.tsv",
    log:
        "<logs>/label_texts.log",
    benchmark:
        "<benchmarks>/label_texts.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        backends=USED.scored,
    script:
        "../scripts/label_texts.py"


rule show_labels:
    """Write the page of the labels."""
    input:
        code=code("show_labels.py"),
        templates=TEMPLATES,
        shares="<results>/tables/labels.tsv",
        axes="<results>/tables/label_axes.tsv",
        confusion="<results>/tables/label_confusion.tsv",
        quality="<results>/tables/label_quality.tsv",
    output:
        page=report(
            "<results>/pages/labels.html",
            caption="../report/captions/labels_table.rst",
            category="1 Degradation",
            labels={"shows": "labels, and how well they are told apart", "by": "blocks replaced"},
        ),
    log:
        "<logs>/show_labels.log",
    benchmark:
        "<benchmarks>/show_labels.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    params:
        page=PAGE | {"backends": [name for name in USED.compared if name in USED.scored]},
        names=json_text(NAMES),
    script:
        "../scripts/show_labels.py"
