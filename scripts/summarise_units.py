"""Rule summarise_units: see rules/units.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.units import units_tables

with job(snakemake.log[0]):
    evaluation = tables.read_frame(snakemake.input.evaluation)
    written = units_tables(evaluation, snakemake.params.units)
    for file, table in zip(snakemake.output, written, strict=True):
        tables.write_table(file, table, tables.MEASURED)
