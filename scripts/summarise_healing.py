"""Rule summarise_healing: see rules/healing.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.healing import healing_table

with job(snakemake.log[0]):
    rows = tables.read_frame(snakemake.input.rows)
    tables.write_table(snakemake.output.table, healing_table(rows), tables.MEASURED)
