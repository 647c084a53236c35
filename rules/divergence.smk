# Divergence: where, and by how much, two backends diverge on the same work.
#
# INPUTS   two backends' texts and logits; for a repeat, those of one backend's two processes
# OUTPUTS  diff/LEFT-RIGHT/CHUNK.parquet   a row per text
#          tables/divergence.tsv, divergence_summary.tsv, divergence_trend.tsv
#          figures/divergence and survival, .svg and .png
#          pages/side_by_side.html


rule diff:
    """Find the first divergent token of each text, and measure the logits' differences."""
    input:
        code=code("diff.py"),
        left_texts="<results>/generate/{left}/first/{chunk}.parquet",
        left_logits="<results>/score/{left}/first/{chunk}.logits.safetensors",
        right_texts=right_texts,
        right_logits=right_logits,
    output:
        table="<results>/diff/{left}-{right}/{chunk}.parquet",
    log:
        "<logs>/diff/{left}-{right}/{chunk}.log",
    benchmark:
        "<benchmarks>/diff/{left}-{right}/{chunk}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=20,
    params:
        precisions=pair_precisions,
    script:
        "../scripts/diff.py"


rule summarise_divergence:
    """Join the diffs of all pairs, and sum them up per intervention."""
    input:
        code=code("summarise_divergence.py"),
        diffs=of_pairs("<results>/diff/{left}-{right}/{chunk}.parquet", USED.pairs),
    output:
        texts="<results>/tables/divergence.tsv",
        summary="<results>/tables/divergence_summary.tsv",
        trend="<results>/tables/divergence_trend.tsv",
    log:
        "<logs>/summarise_divergence.log",
    benchmark:
        "<benchmarks>/summarise_divergence.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    script:
        "../scripts/summarise_divergence.py"


rule plot_divergence:
    """Draw how many texts diverge, and when."""
    input:
        code=code("plot_divergence.py"),
        texts="<results>/tables/divergence.tsv",
        summary="<results>/tables/divergence_summary.tsv",
    output:
        divergence=report(
            "<results>/figures/divergence.svg",
            caption="../report/captions/divergence.rst",
            category="2 Divergence",
            labels={"shows": "where backends diverge", "by": "blocks replaced"},
        ),
        divergence_png="<results>/figures/divergence.png",
        survival=report(
            "<results>/figures/survival.svg",
            caption="../report/captions/survival.rst",
            category="2 Divergence",
            labels={"shows": "how long texts stay identical", "by": "token"},
        ),
        survival_png="<results>/figures/survival.png",
    log:
        "<logs>/plot_divergence.log",
    benchmark:
        "<benchmarks>/plot_divergence.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        cuda=USED.on_cuda,
    script:
        "../scripts/plot_divergence.py"


rule show_side_by_side:
    """Write the page of texts that diverge, side by side."""
    input:
        code=code("show_side_by_side.py"),
        templates=TEMPLATES,
        divergence="<results>/tables/divergence.tsv",
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", USED.compared),
        tokenizer="<results>/backup/tokenizer.json",
    output:
        page=report(
            "<results>/pages/side_by_side.html",
            caption="../report/captions/side_by_side.rst",
            category="2 Divergence",
            labels={"shows": "texts side by side", "by": "blocks replaced"},
        ),
    log:
        "<logs>/show_side_by_side.log",
    benchmark:
        "<benchmarks>/show_side_by_side.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE,
        names=json_text(NAMES),
        prompts=json_text(CONFIG.generation.prompts),
        backends={name: CONFIG.divergence.backends[name].model_dump() for name in USED.compared},
    script:
        "../scripts/show_side_by_side.py"
