# Claims: each claim of the article put to tests that can fail.
#
# INPUTS   the reference backend's scores, answers and labels, and how the pristine model attends
# OUTPUTS  tables/claims.tsv, replacement_methods.tsv, half_points.tsv, factorial.tsv (of mixtures)
#          figures/half_points, comparisons and single, .svg and .png; pages/claims.html


rule decide_claims:
    """Decide the claims, compare replacement methods, and find where the tasks are half lost."""
    input:
        code=code("decide_claims.py"),
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet",
            [REFERENCE],
            scored_alone=True,
        ),
        answers=of_backends(
            "<results>/score/{backend}/first/{chunk}.tasks.parquet", [REFERENCE], answered=True
        ),
        labels=f"<results>/labels/{REFERENCE}.parquet",
        attention="<results>/tables/attention.tsv",
        subsets=rules.summarise_subsets.output.by_document if SUBSETS_DECIDE else [],
        tasks="<results>/tasks/asked.json",
        healing=HEALED_ROWS,
    output:
        **FACTORIAL,
        claims="<results>/tables/claims.tsv",
        methods="<results>/tables/replacement_methods.tsv",
        half_points="<results>/tables/half_points.tsv",
    log:
        "<logs>/decide_claims.log",
    benchmark:
        "<benchmarks>/decide_claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        comparisons=USED.comparisons,
        off=comparisons.find_switched_off(CONFIG.sweeps, DEFAULT_SWEEPS, CONFIG.model.n_blocks),
        n_blocks=CONFIG.model.n_blocks,
        ngrams=USED.baselines,
        run=CONFIG.run,
        model=model_name(CONFIG.model.source, CONFIG.model.location),
    script:
        "../scripts/decide_claims.py"


rule plot_claims:
    """Draw the tasks, the sweeps that the claims compare, and the single blocks."""
    input:
        code=code("plot_claims.py"),
        degradation="<results>/tables/degradation.tsv",
        answers="<results>/tables/tasks.tsv",
        labels="<results>/tables/labels.tsv",
        half_points="<results>/tables/half_points.tsv",
        tasks="<results>/tasks/asked.json",
    output:
        half_points=report(
            "<results>/figures/half_points.svg",
            caption="../report/captions/half_points.rst",
            category="3 Claims",
            labels={"shows": "grammar and cloze tasks", "by": "blocks replaced"},
        ),
        half_points_png="<results>/figures/half_points.png",
        comparisons=report(
            "<results>/figures/comparisons.svg",
            caption="../report/captions/comparisons.rst",
            category="3 Claims",
            labels={"shows": "other matrices, orders, methods", "by": "blocks replaced"},
        ),
        comparisons_png="<results>/figures/comparisons.png",
        single=report(
            "<results>/figures/single.svg",
            caption="../report/captions/single.rst",
            category="3 Claims",
            labels={"shows": "single blocks", "by": "block"},
        ),
        single_png="<results>/figures/single.png",
    log:
        "<logs>/plot_claims.log",
    benchmark:
        "<benchmarks>/plot_claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        cuda=USED.on_cuda,
        reference=REFERENCE,
        comparisons=USED.comparisons,
    script:
        "../scripts/plot_claims.py"


rule show_claims:
    """Write the page of the claims."""
    input:
        code=code("show_claims.py"),
        templates=TEMPLATES,
        claims="<results>/tables/claims.tsv",
        methods="<results>/tables/replacement_methods.tsv",
        half_points="<results>/tables/half_points.tsv",
    output:
        page=report(
            "<results>/pages/claims.html",
            caption="../report/captions/claims.rst",
            category="3 Claims",
            labels={"shows": "verdicts", "by": "claim"},
        ),
    log:
        "<logs>/show_claims.log",
    benchmark:
        "<benchmarks>/show_claims.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    params:
        page=PAGE | {"backends": [REFERENCE]},
    script:
        "../scripts/show_claims.py"
