# Notebooks: percent scripts, executed on the run and shown as pages; report/notebooks/README.md.
#
# INPUTS   report/notebooks/NAME.py; walk: the tables; headline: degradation.tsv and the files that
#          it was made from
# OUTPUTS  notebooks/NAME.ipynb, executed, and pages/notebook_NAME.html for the report


rule walk_through:
    """Execute the walk through the result, from the tables alone."""
    input:
        code=code("walk_through.py") + code("../report/notebooks/walk.py"),
        source=os.path.relpath(f"{PROJECT}/report/notebooks/walk.py"),
        templates=TEMPLATES,
        tables=rules.tables.input,
    output:
        notebook="<results>/notebooks/walk.ipynb",
        page=report(
            "<results>/pages/notebook_walk.html",
            caption="../report/captions/notebook_walk.rst",
            category="6 Notebooks",
            labels={"shows": "a walk through the result", "by": "notebook"},
        ),
    log:
        "<logs>/walk_through.log",
    benchmark:
        "<benchmarks>/walk_through.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    params:
        page=PAGE,
        names=json_text(NAMES),
        tables=sorted(Path(file).stem for file in TABLES),
        sweep=USED.headline,
        n_blocks=CONFIG.model.n_blocks,
    script:
        "../scripts/walk_through.py"


rule recompute:
    """Compute the headline table again with pandas alone, and compare."""
    input:
        code=code("recompute.py") + code("../report/notebooks/headline.py"),
        source=os.path.relpath(f"{PROJECT}/report/notebooks/headline.py"),
        templates=TEMPLATES,
        table="<results>/tables/degradation.tsv",
        texts=rules.summarise_degradation.input.texts,
        text_scores=rules.summarise_degradation.input.text_scores,
        evaluation=rules.summarise_degradation.input.evaluation,
    output:
        notebook="<results>/notebooks/headline.ipynb",
        page=report(
            "<results>/pages/notebook_headline.html",
            caption="../report/captions/notebook_headline.rst",
            category="6 Notebooks",
            labels={"shows": "the headline table, computed again", "by": "notebook"},
        ),
    log:
        "<logs>/recompute.log",
    benchmark:
        "<benchmarks>/recompute.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    params:
        page=PAGE,
        chunks={name: sorted(USED.chunks_of(name, scored_alone=True)) for name in USED.scored},
    script:
        "../scripts/recompute.py"


rule notebooks:
    """Every notebook."""
    input:
        rules.walk_through.output,
        rules.recompute.output,
