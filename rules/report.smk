# Report: the tables, all texts, config and provenance as pages that anyone can read.
#
# INPUTS   the tables, the first process's texts of every backend, provenance.json, digests.json and
#          what is expected of them
# OUTPUTS  pages/NAME.html    each a file that needs nothing else
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
        glossary=report(
            "<results>/pages/glossary.html",
            caption="../report/captions/glossary.rst",
            category="7 Glossary",
            labels={"shows": "every term", "by": "alphabet"},
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
        names=json_text(NAMES),
        scored=USED.scored,
    script:
        "../scripts/write_pages.py"
