"""Rule recompute: see rules/notebooks.smk."""

from pathlib import Path

from needq import notebooks, pages
from needq.job import job

with job(snakemake.log[0]):
    run, params = Path(snakemake.output.notebook).parents[1], snakemake.params
    chunks = notebooks.chunks_of(snakemake.input.evaluation)
    parameters = {"RUN": str(run), "CHUNKS": chunks}
    notebooks.publish(
        snakemake.input.source,
        parameters,
        pages.of_run(snakemake.input.templates, params),
        snakemake.output.notebook,
        snakemake.output.page,
    )
