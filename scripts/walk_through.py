"""Rule walk_through: see rules/notebooks.smk."""

from needq import notebooks, pages
from needq.job import job

with job(snakemake.log[0]):
    params = snakemake.params
    names = notebooks.tables_of(snakemake.input.tables)
    parameters = {"RUN": params.results, "TABLES": names, "CUDA": params.cuda}
    notebooks.publish(
        snakemake.input.source,
        parameters,
        pages.of_run(snakemake.input.templates, params),
        snakemake.output.notebook,
        snakemake.output.page,
    )
