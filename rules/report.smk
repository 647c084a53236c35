# Report: the first page, the tables, all texts, config and provenance as pages that anyone can read.
#
# INPUTS   the tables, two figures, the first process's texts of every backend, provenance.json,
#          digests.json and what is expected of them
# OUTPUTS  index.html         the first page, which needs no other file
#          config.yaml        the complete config, to run it again
#          pages/NAME.html    each a file that needs nothing else
#          `snakemake --report FILE` shows them beside the figures


rule write_pages:
    """Write the report's pages."""
    input:
        code=code("write_pages.py"),
        templates=TEMPLATES,
        degradation="<results>/tables/degradation.tsv",
        baselines=["<results>/tables/baselines.tsv"] if USED.baselines else [],
        divergence="<results>/tables/divergence_summary.tsv",
        trend="<results>/tables/divergence_trend.tsv",
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", USED.compared),
        labels=expand("<results>/labels/{backend}.parquet", backend=USED.scored),
        provenance="<results>/provenance.json",
        digests=rules.collect_digests.output if USED.digested else [],
        expected=EXPECTED,
    output:
        degradation=report(
            "<results>/pages/degradation.html",
            caption="../report/captions/degradation_table.rst",
            category="1 Degradation",
            labels={"shows": "table", "by": "blocks replaced"},
        ),
        gallery=report(
            "<results>/pages/gallery.html",
            caption="../report/captions/gallery.rst",
            category="1 Degradation",
            labels={"shows": "all texts", "by": "prompt"},
        ),
        divergence=report(
            "<results>/pages/divergence.html",
            caption="../report/captions/divergence_table.rst",
            category="2 Divergence",
            labels={"shows": "table", "by": "blocks replaced"},
        ),
        provenance=report(
            "<results>/pages/provenance.html",
            caption="../report/captions/provenance.rst",
            category="5 Provenance",
            labels={"shows": "config and provenance", "by": "run"},
        ),
    log:
        "<logs>/write_pages.log",
    benchmark:
        "<benchmarks>/write_pages.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    params:
        config=json_text(CONFIG),
        page=PAGE,
        scored=USED.scored,
    script:
        "../scripts/write_pages.py"


rule write_index:
    """Write the first page, and the config with which to get it again."""
    input:
        code=code("write_index.py"),
        templates=TEMPLATES,
        degradation="<results>/tables/degradation.tsv",
        summary="<results>/tables/divergence_summary.tsv",
        trend="<results>/tables/divergence_trend.tsv",
        labels="<results>/tables/labels.tsv",
        quality="<results>/tables/label_quality.tsv",
        baselines=["<results>/tables/baselines.tsv"] if USED.baselines else [],
        ledger=["<results>/tables/ledger.tsv"] if USED.ledger_pairs else [],
        claims=["<results>/tables/claims.tsv"] if USED.comparisons else [],
        half_points=["<results>/tables/half_points.tsv"] if USED.comparisons else [],
        config="<model_config>",
        tasks="<results>/tables/tasks.tsv",
        asked="<results>/tasks/asked.json",
        provenance="<results>/provenance.json",
        digests=rules.collect_digests.output if USED.digested else [],
        expected=EXPECTED,
        stories="<results>/stories.json",
        figure="<results>/figures/labels.svg",
        divergence_figure=f"<results>/figures/{'ledger' if USED.ledger_pairs else 'divergence'}.svg",
    output:
        page=report(
            "<results>/index.html",
            caption="../report/captions/index.rst",
            category="0 Start here",
            labels={"shows": "question, answer, sources", "by": "run"},
        ),
        config="<results>/config.yaml",
    log:
        "<logs>/write_index.log",
    benchmark:
        "<benchmarks>/write_index.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        config=json_text(CONFIG),
        page=PAGE,
        sweep=USED.headline,
        comparisons=USED.comparisons,
    script:
        "../scripts/write_index.py"


rule pages:
    """Every page."""
    input:
        rules.write_pages.output,
        rules.show_labels.output,
        rules.show_side_by_side.output,
        rules.show_claims.output if USED.comparisons else [],
