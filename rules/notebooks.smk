# Notebooks: percent scripts, executed on the run and shown as pages; report/notebooks/README.md.
#
# takes   report/notebooks/NAME.py; walk: the tables; headline: degradation.tsv and the files that
#         it was made from
# leaves  notebooks/NAME.ipynb, executed, and pages/notebook_NAME.html for the report


rule walk_through:
    """Execute the walk through the result, from the tables alone."""
    input:
        code=code("walk_through.py") + code("../report/notebooks/walk.py"),
        source=os.path.relpath(f"{workflow.basedir}/report/notebooks/walk.py"),
        templates=TEMPLATES,
        tables=rules.tables.input,
    output:
        notebook=f"{RESULTS}/notebooks/walk.ipynb",
        page=report(
            f"{RESULTS}/pages/notebook_walk.html",
            caption="../report/captions/notebook_walk.rst",
            category="6 Notebooks",
            labels={"shows": "a walk through the result", "by": "notebook"},
        ),
    log:
        f"{RESULTS}/logs/walk_through.log",
    benchmark:
        f"{RESULTS}/benchmarks/walk_through.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        run=CONFIG["run"],
        backends=COMPARED,
        cuda=ON_CUDA,
        sweep=HEADLINE,
        blocks=BLOCKS,
    script:
        "../scripts/walk_through.py"


rule recompute:
    """Compute the headline table again with pandas alone, and compare."""
    input:
        code=code("recompute.py") + code("../report/notebooks/headline.py"),
        source=os.path.relpath(f"{workflow.basedir}/report/notebooks/headline.py"),
        templates=TEMPLATES,
        table=f"{RESULTS}/tables/degradation.tsv",
        texts=rules.degradation.input.texts,
        text_scores=rules.degradation.input.text_scores,
        evaluation=rules.degradation.input.evaluation,
    output:
        notebook=f"{RESULTS}/notebooks/headline.ipynb",
        page=report(
            f"{RESULTS}/pages/notebook_headline.html",
            caption="../report/captions/notebook_headline.rst",
            category="6 Notebooks",
            labels={"shows": "the headline table, computed again", "by": "notebook"},
        ),
    log:
        f"{RESULTS}/logs/recompute.log",
    benchmark:
        f"{RESULTS}/benchmarks/recompute.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        run=CONFIG["run"],
        backends=COMPARED,
        cuda=ON_CUDA,
    script:
        "../scripts/recompute.py"


rule notebooks:
    """Every notebook."""
    input:
        rules.walk_through.output,
        rules.recompute.output,
