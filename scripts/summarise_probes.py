"""Rule summarise_probes: see rules/probes.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.probe_table import probes_table

with job(snakemake.log[0]):
    items, rows = (
        tables.read_frame([snakemake.input.labels]),
        tables.read_frame(snakemake.input.rows),
    )
    tables.write_table(snakemake.output.table, probes_table(items, rows), tables.MEASURED)
