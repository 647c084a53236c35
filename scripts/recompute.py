"""Rule recompute: see rules/notebooks.smk."""

from needq import notebooks, pages
from needq.job import job

with job(snakemake.log[0]):
    params = snakemake.params
    chunks = notebooks.chunks_of(snakemake.input.evaluation)
    parameters = {"RUN": params.results, "CHUNKS": chunks}
    notebooks.publish(
        snakemake.input.source,
        parameters,
        pages.of_run(snakemake.input.templates, params),
        snakemake.output.notebook,
        snakemake.output.page,
    )
