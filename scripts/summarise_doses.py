"""Rule summarise_doses: see rules/doses.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.doses import doses_tables

with job(snakemake.log[0]):
    evaluation = tables.read_frame(snakemake.input.evaluation)
    written = doses_tables(evaluation, snakemake.params.steps)
    for file, table in zip(snakemake.output, written, strict=True):
        tables.write_table(file, table, tables.MEASURED)
