# Labels: what kind of text each text is, by controls of known kind.
#
# takes   the backup, for the pristine model's own texts; every scored backend's texts and scores
# leaves  labels/controls.parquet, one row a control; labels/BACKEND.parquet, one row a text;
#         tables/labels.tsv, label_confusion.tsv and label_quality.tsv; pages/labels.html


rule controls:
    """Make texts of known kind from those of the pristine model, under the reference backend."""
    input:
        code=code("controls.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        tokens=f"{RESULTS}/backup/tokens.json",
    output:
        controls=f"{RESULTS}/labels/controls.parquet",
    log:
        f"{RESULTS}/logs/controls.log",
    benchmark:
        f"{RESULTS}/benchmarks/controls.tsv"
    conda:
        "../envs/lm.yaml"
    threads: CONFIG["backends"][REFERENCE]["threads"]
    resources:
        gpu=int(CONFIG["backends"][REFERENCE]["device"] == "cuda"),
        mem_mb=lm_memory,
        runtime=controls_minutes,
    params:
        backend=CONFIG["backends"][REFERENCE],
        generation=CONFIG["generation"],
        texts_per_prompt=CONFIG["labels"]["texts_per_prompt"],
    script:
        "../scripts/controls.py"


rule label_texts:
    """Label every text by the controls that it resembles most."""
    input:
        code=code("label_texts.py"),
        config=f"{RESULTS}/backup/config.json",
        controls=f"{RESULTS}/labels/controls.parquet",
        texts=of_backends(f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.parquet", SCORED),
        scores=of_backends(f"{RESULTS}/score/{{backend}}/first/{{chunk}}.texts.parquet", SCORED),
    output:
        labels=expand(f"{RESULTS}/labels/{{backend}}.parquet", backend=SCORED),
        shares=f"{RESULTS}/tables/labels.tsv",
        confusion=f"{RESULTS}/tables/label_confusion.tsv",
        quality=f"{RESULTS}/tables/label_quality.tsv",
    log:
        f"{RESULTS}/logs/label_texts.log",
    benchmark:
        f"{RESULTS}/benchmarks/label_texts.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../scripts/label_texts.py"


rule show_labels:
    """Write the page of the labels."""
    input:
        code=code("show_labels.py"),
        templates=TEMPLATES,
        shares=f"{RESULTS}/tables/labels.tsv",
        confusion=f"{RESULTS}/tables/label_confusion.tsv",
        quality=f"{RESULTS}/tables/label_quality.tsv",
    output:
        page=report(
            f"{RESULTS}/pages/labels.html",
            caption="../report/captions/labels_table.rst",
            category="1 Degradation",
            labels={"shows": "labels, and how well they are told apart", "by": "blocks replaced"},
        ),
    log:
        f"{RESULTS}/logs/show_labels.log",
    benchmark:
        f"{RESULTS}/benchmarks/show_labels.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG["run"],
        backends=SCORED,
        cuda=ON_CUDA,
    script:
        "../scripts/show_labels.py"
