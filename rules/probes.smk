# Probes: what the residual stream tells of the text, pristine and with blocks replaced. Off by default.
#
# INPUTS   the backup, the token ids of the evaluation text, the patches and noise of one sweep
# OUTPUTS  probes/labels.parquet    a row per token and property: its labels
#          probes/SEED.parquet      a row per intervention, layer, property and document
#          tables/probes.tsv; figures/probes.svg and .png; pages/probes.html


include: "probe_jobs.smk"


rule label_tokens:
    """Label tokens by rules of the text alone, and choose those that probes are fitted to."""
    input:
        code=code("label_tokens.py"),
        tokens="<tokens>",
        tokenizer="<results>/backup/tokenizer.json",
    output:
        labels="<results>/probes/labels.parquet",
    log:
        "<logs>/label_tokens.log",
    benchmark:
        "<benchmarks>/label_tokens.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    script:
        "../scripts/label_tokens.py"


rule fit_probes:
    """Fit the probes of every layer, under the interventions of one noise seed."""
    input:
        code=code("fit_probes.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        labels="<results>/probes/labels.parquet",
        patches=probe_patches,
        noise=ancient(probe_noise),
    output:
        rows="<results>/probes/{seed}.parquet",
    log:
        "<logs>/fit_probes/{seed}.log",
    benchmark:
        "<benchmarks>/fit_probes/{seed}.tsv"
    wildcard_constraints:
        seed=rf"{probes.PRISTINE}|\d+",
    conda:
        "../envs/probes.yaml"
    threads: 1
    resources:
        mem_mb=memory_of(probe_job),
        runtime=minutes_of(probe_job),
    params:
        chosen=probe_choice,
    script:
        "../scripts/fit_probes.py"


rule summarise_probes:
    """Sum the probes up: means with intervals."""
    input:
        code=code("summarise_probes.py"),
        labels="<results>/probes/labels.parquet",
        rows=expand("<results>/probes/{seed}.parquet", seed=probes.jobs(CONFIG)),
    output:
        table="<results>/tables/probes.tsv",
    log:
        "<logs>/summarise_probes.log",
    benchmark:
        "<benchmarks>/summarise_probes.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    script:
        "../scripts/summarise_probes.py"


rule show_probes:
    """Draw what each layer tells, and write the page."""
    input:
        code=code("show_probes.py"),
        templates=TEMPLATES,
        table="<results>/tables/probes.tsv",
    output:
        svg=report(
            "<results>/figures/probes.svg",
            caption="../report/captions/probes.rst",
            category="1 Degradation",
            labels={"shows": "what probes read", "by": "block"},
        ),
        png="<results>/figures/probes.png",
        page=report(
            "<results>/pages/probes.html",
            caption="../report/captions/probes_table.rst",
            category="1 Degradation",
            labels={"shows": "table of probes", "by": "block"},
        ),
    log:
        "<logs>/show_probes.log",
    benchmark:
        "<benchmarks>/show_probes.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE,
        matrix=probes.matrix(CONFIG),
    script:
        "../scripts/show_probes.py"
