# Attention: what noise in W_Q does to attention weights, head by head.
#
# INPUTS   the backup, the token ids of the evaluation text, and the stored noise of W_Q
# OUTPUTS  tables/attention.tsv: a row per head, method, and whether all blocks or one are replaced
#          attention/maps.safetensors: the weights of every head on the first prompt
#          figures/attention.svg and attention_maps.svg, and .png; pages/attention.html


rule measure_attention:
    """Measure the scores and weights of attention, pristine and under each replacement method."""
    input:
        code=code("measure_attention.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        noise=expand(
            "<results>/corrupt/noise/{name}.safetensors",
            name=attention.attention_noise(CONFIG),
        ),
    output:
        table="<results>/tables/attention.tsv",
        maps="<results>/attention/maps.safetensors",
    log:
        "<logs>/measure_attention.log",
    benchmark:
        "<benchmarks>/measure_attention.tsv"
    priority: LONG
    conda:
        "../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=memory_of(attention_job),
        runtime=minutes_of(attention_job),
    script:
        "../scripts/measure_attention.py"


rule show_attention:
    """Draw what becomes of attention, and write the page."""
    input:
        code=code("show_attention.py"),
        templates=TEMPLATES,
        table="<results>/tables/attention.tsv",
        maps="<results>/attention/maps.safetensors",
        tokens="<tokens>",
        tokenizer="<results>/backup/tokenizer.json",
    output:
        svg=report(
            "<results>/figures/attention.svg",
            caption="../report/captions/attention.rst",
            category="1 Degradation",
            labels={"shows": "attention scores and weights", "by": "block"},
        ),
        png="<results>/figures/attention.png",
        maps_svg=report(
            "<results>/figures/attention_maps.svg",
            caption="../report/captions/attention_maps.rst",
            category="1 Degradation",
            labels={"shows": "attention on one sentence", "by": "head"},
        ),
        maps_png="<results>/figures/attention_maps.png",
        page=report(
            "<results>/pages/attention.html",
            caption="../report/captions/attention_table.rst",
            category="1 Degradation",
            labels={"shows": "table of attention", "by": "block"},
        ),
    log:
        "<logs>/show_attention.log",
    benchmark:
        "<benchmarks>/show_attention.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE,
        noise=attention.attention_noise(CONFIG)[0],
    script:
        "../scripts/show_attention.py"
