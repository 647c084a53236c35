# Flips: whether backends of several precisions diverge where rounding errors predict it.
#
# INPUTS   the reference's texts with their margins and edges, and the diffs of each backend from it
# OUTPUTS  tables/flips.tsv         a row per backend and number of blocks replaced
#          tables/flip_places.tsv   a row per backend and token
#          tables/flip_margins.tsv  a row per backend and range of margins
#          figures/flips.svg and .png; pages/flips.html


rule predict_flips:
    """Compare where texts of several precisions diverge with what their errors predict."""
    input:
        code=code("predict_flips.py"),
        texts=of_backends(
            "<results>/generate/{backend}/first/{chunk}.parquet",
            [CONFIG.divergence.precisions.reference] if USED.precision_pairs else [],
        ),
        diffs=of_pairs("<results>/diff/{left}-{right}/{chunk}.parquet", USED.precision_pairs),
    output:
        table="<results>/tables/flips.tsv",
        places="<results>/tables/flip_places.tsv",
        margins="<results>/tables/flip_margins.tsv",
    log:
        "<logs>/predict_flips.log",
    benchmark:
        "<benchmarks>/predict_flips.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        temperature=CONFIG.generation.temperature,
        max_new_tokens=CONFIG.generation.max_new_tokens,
    script:
        "../scripts/predict_flips.py"


rule show_flips:
    """Draw where texts diverge and where that is predicted, and write the page."""
    input:
        code=code("show_flips.py"),
        templates=TEMPLATES,
        table="<results>/tables/flips.tsv",
        places="<results>/tables/flip_places.tsv",
        margins="<results>/tables/flip_margins.tsv",
    output:
        svg=report(
            "<results>/figures/flips.svg",
            caption="../report/captions/flips.rst",
            category="2 Divergence",
            labels={"shows": "predicted flips", "by": "precision"},
        ),
        png="<results>/figures/flips.png",
        page=report(
            "<results>/pages/flips.html",
            caption="../report/captions/flips.rst",
            category="2 Divergence",
            labels={"shows": "table of predicted flips", "by": "precision"},
        ),
    log:
        "<logs>/show_flips.log",
    benchmark:
        "<benchmarks>/show_flips.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE,
    script:
        "../scripts/show_flips.py"
