# Ledger: why two machines give two texts: what each cause of divergence does.
#
# INPUTS   the texts and logits of all corners (corners.smk)
# OUTPUTS  ledger/LEFT-RIGHT/texts.parquet                     a row per corner and text
#          tables/ledger.tsv, ledger_corners.tsv, ledger_texts.tsv
#          figures/ledger.svg and .png; pages/ledger.html


rule compare_corners:
    """Compare the left backend of a pair with each corner, text by text."""
    input:
        code=code("compare_corners.py"),
        texts=traces(".parquet"),
        logits=traces(".logits.safetensors"),
    output:
        texts="<results>/ledger/{left}-{right}/texts.parquet",
    log:
        "<logs>/compare_corners/{left}-{right}.log",
    benchmark:
        "<benchmarks>/compare_corners/{left}-{right}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
    params:
        pair=ledger_pair,
    script:
        "../scripts/compare_corners.py"


rule summarise_ledger:
    """Sum the ledger's texts up by corner, and give each cause its share."""
    input:
        code=code("summarise_ledger.py"),
        texts=expand("<results>/ledger/{pair}/texts.parquet", pair=LEDGER_PAIRS),
    output:
        texts="<results>/tables/ledger_texts.tsv",
        corners="<results>/tables/ledger_corners.tsv",
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
        corners="<results>/tables/ledger_corners.tsv",
    output:
        svg=report(
            "<results>/figures/ledger.svg",
            caption="../report/captions/ledger.rst",
            category="2 Divergence",
            labels={"shows": "what each cause does", "by": "cause"},
        ),
        png="<results>/figures/ledger.png",
        page=report(
            "<results>/pages/ledger.html",
            caption="../report/captions/ledger.rst",
            category="2 Divergence",
            labels={"shows": "what each cause does, as a table", "by": "cause"},
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
