"""Rule walk_through: see rules/notebooks.smk."""

from needq import notebooks
from needq.job import job

with job(snakemake.log[0]):
    tables = notebooks.tables_of(snakemake.input.tables)
    parameters = {"TABLES": tables, "CUDA": snakemake.params.cuda}
    notebooks.publish(snakemake.input, snakemake.params, snakemake.output, parameters)
