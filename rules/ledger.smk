# Ledger: why two machines give two texts, one cause removed at a time.
#
# INPUTS   the backup, patches and noise of the ledger's interventions, the reference's texts
# OUTPUTS  ledger/LEFT-RIGHT/SIDE/PROCESS.parquet, .json       one side's texts, and what made them
#          ledger/LEFT-RIGHT/SIDE/PROCESS.logits.safetensors   until they are compared
#          ledger/LEFT-RIGHT/texts.parquet                     a row per step and text
#          tables/ledger.tsv, ledger_texts.tsv; figures/ledger.svg and .png; pages/ledger.html


rule trace_causes:
    """Generate, and keep logits, under each backend that one side of the ledger needs."""
    input:
        code=code("trace_causes.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        patches=expand("<results>/corrupt/patches/{chunk}.json", chunk=USED.ledger_chunks),
        noise=ancient(noise_paths(USED.ledger_interventions)),
        reference=expand(
            f"<results>/generate/{REFERENCE}/first/{{chunk}}.parquet", chunk=USED.ledger_chunks
        ),
    output:
        texts="<results>/ledger/{left}-{right}/{side}/{process}.parquet",
        logits=temp("<results>/ledger/{left}-{right}/{side}/{process}.logits.safetensors"),
        provenance="<results>/ledger/{left}-{right}/{side}/{process}.json",
    log:
        "<logs>/trace_causes/{left}-{right}/{side}/{process}.log",
    benchmark:
        "<benchmarks>/trace_causes/{left}-{right}/{side}/{process}.tsv"
    conda:
        "../envs/lm.yaml"
    threads: side_threads
    resources:
        gpu=side_gpus,
        mem_mb=lm_memory,
        runtime=ledger_minutes,
    params:
        backends=side_backends,
        generation=json_text(CONFIG.generation),
        positions=CONFIG.divergence.positions,
        chosen=USED.ledger_choice,
    script:
        "../scripts/trace_causes.py"


rule compare_steps:
    """Compare both sides of a pair, step by step and text by text."""
    input:
        code=code("compare_steps.py"),
        texts=traces(".parquet"),
        logits=traces(".logits.safetensors"),
    output:
        texts="<results>/ledger/{left}-{right}/texts.parquet",
    log:
        "<logs>/compare_steps/{left}-{right}.log",
    benchmark:
        "<benchmarks>/compare_steps/{left}-{right}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
    params:
        pair=ledger_pair,
    script:
        "../scripts/compare_steps.py"


rule summarise_ledger:
    """Sum the ledger's texts up by step."""
    input:
        code=code("summarise_ledger.py"),
        texts=expand("<results>/ledger/{pair}/texts.parquet", pair=LEDGER_PAIRS),
    output:
        texts="<results>/tables/ledger_texts.tsv",
        table="<results>/tables/ledger.tsv",
    log:
        "<logs>/summarise_ledger.log",
    benchmark:
        "<benchmarks>/summarise_ledger.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    script:
        "../scripts/summarise_ledger.py"


rule show_ledger:
    """Draw the ledger, and write its page."""
    input:
        code=code("show_ledger.py"),
        templates=TEMPLATES,
        table="<results>/tables/ledger.tsv",
    output:
        svg=report(
            "<results>/figures/ledger.svg",
            caption="../report/captions/ledger.rst",
            category="2 Divergence",
            labels={"shows": "causes, removed one at a time", "by": "cause"},
        ),
        png="<results>/figures/ledger.png",
        page=report(
            "<results>/pages/ledger.html",
            caption="../report/captions/ledger.rst",
            category="2 Divergence",
            labels={"shows": "table of causes", "by": "cause"},
        ),
    log:
        "<logs>/show_ledger.log",
    benchmark:
        "<benchmarks>/show_ledger.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE | {"backends": USED.ledger_backends},
    script:
        "../scripts/show_ledger.py"
