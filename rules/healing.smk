# Healing: W_Q stays noise, and other parameters are trained until they make up for it.
#
# INPUTS   the backup, the training text, and the patches and noise of the sweep that is healed
# OUTPUTS  healing/batches.json                     the training rows of each step
#          healing/PARAMETERS/BLOCKS-SEED.parquet   a row per document and measured step
#          healing/models/PARAMETERS/BLOCKS-SEED/   the healed model, with healing.save: on
#          tables/healing.tsv                       a row per set, number of blocks and step
#          figures/healing.svg and .png; pages/healing.html


rule draw_batches:
    """Draw the documents of each training step by keyed numbers, and encode them."""
    input:
        code=code("draw_batches.py"),
        manifest="<manifest>",
        tokenizer="<results>/backup/tokenizer.json",
        tokens="<tokens>",
        evaluation=CONFIG.evaluation.text,
        text=CONFIG.healing.text or CONFIG.evaluation.ngram_text or [],
    output:
        batches="<results>/healing/batches.json",
    log:
        "<logs>/draw_batches.log",
    benchmark:
        "<benchmarks>/draw_batches.tsv"
    conda:
        "../envs/lm.yaml"
    threads: 1
    params:
        evaluation=json_text(CONFIG.evaluation),
        healing=json_text(CONFIG.healing),
    script:
        "../scripts/draw_batches.py"


rule heal:
    """Train a set of parameters while W_Q stays noise, and measure the loss on the way."""
    input:
        code=code("heal.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        batches="<results>/healing/batches.json",
        patches=healed_patches,
        noise=healed_noise,
    output:
        **HEALED_MODEL,
        rows="<results>/healing/{parameters}/{healed}.parquet",
    log:
        "<logs>/heal/{parameters}-{healed}.log",
    benchmark:
        "<benchmarks>/heal/{parameters}-{healed}.tsv"
    conda:
        "../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=memory_of(healing_job),
        runtime=minutes_of(healing_job),
    params:
        healing=json_text(CONFIG.healing),
        choice=healed_choice,
        checkpoint=str(Path(RESULTS, "healing/checkpoints/{parameters}-{healed}.safetensors")),
    script:
        "../scripts/heal.py"


rule summarise_healing:
    """Say how much of the damage each set of parameters recovers, with intervals."""
    input:
        code=code("summarise_healing.py"),
        rows=HEALED_ROWS,
    output:
        table="<results>/tables/healing.tsv",
    log:
        "<logs>/summarise_healing.log",
    benchmark:
        "<benchmarks>/summarise_healing.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    script:
        "../scripts/summarise_healing.py"


rule show_healing:
    """Draw how much of the damage is recovered, and write the page."""
    input:
        code=code("show_healing.py"),
        templates=TEMPLATES,
        table="<results>/tables/healing.tsv",
        factorial=list(FACTORIAL.values()),
    output:
        svg=report(
            "<results>/figures/healing.svg",
            caption="../report/captions/healing.rst",
            category="3 Claims",
            labels={"shows": "healing", "by": "training steps"},
        ),
        png="<results>/figures/healing.png",
        page=report(
            "<results>/pages/healing.html",
            caption="../report/captions/healing_table.rst",
            category="3 Claims",
            labels={"shows": "table of healing", "by": "training steps"},
        ),
    log:
        "<logs>/show_healing.log",
    benchmark:
        "<benchmarks>/show_healing.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE,
    script:
        "../scripts/show_healing.py"
