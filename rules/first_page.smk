# Answer: the first page, with a slider over the texts, and the config with which to get it again.
#
# INPUTS   texts, scores and labels of the reference, texts of the backend beside it, the tables,
#          two figures, provenance.json, digests.json and what is expected of them
# OUTPUTS  stories.json    every word with its surprise, and where the other backend's text differs
#          index.html      the first page, which needs no other file
#          config.yaml     the complete config, to run it again
#          front.html      the answer and the verdicts, on which Snakemake's report opens
#          answer.txt      the question and its answer in one sentence
from needq.plan.report_pages import require_pages


rule collect_stories:
    """Collect the texts that the slider of the first page shows, beside another backend's."""
    input:
        code=code("collect_stories.py"),
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", [REFERENCE]),
        others=of_backends(
            "<results>/generate/{backend}/first/{chunk}.parquet", [OPPOSITE] if OPPOSITE else []
        ),
        nlls=of_backends("<results>/score/{backend}/first/{chunk}.texts.parquet", [REFERENCE]),
        labels=f"<results>/labels/{REFERENCE}.parquet",
        degradation="<results>/tables/degradation.tsv",
        tokenizer="<results>/backup/tokenizer.json",
    output:
        stories="<results>/stories.json",
    log:
        "<logs>/collect_stories.log",
    benchmark:
        "<benchmarks>/collect_stories.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        n_blocks=CONFIG.model.n_blocks,
        noise_seeds=CONFIG.noise_seeds,
        name=USED.headline,
        sweep=json_text(CONFIG.sweeps[USED.headline]),
        prompts=json_text(CONFIG.generation.prompts),
        backends={
            name: CONFIG.divergence.backends[name].model_dump()
            for name in (REFERENCE, OPPOSITE)
            if name
        },
    script:
        "../scripts/collect_stories.py"


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
        front="<results>/front.html",
        answer="<results>/answer.txt",
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


# the report would end in a traceback, or name one file without what to do
if workflow.is_main_process and asked().report and Path(workflow.basedir) == PROJECT:
    try:
        require_pages(Path(RESULTS), PAGE["pages"])
    except errors.UserError as error:
        raise refused(error)
