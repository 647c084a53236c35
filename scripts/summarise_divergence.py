"""Rule summarise_divergence: see rules/divergence.smk."""

from needq.common import columns, tables
from needq.common.logs import job
from needq.divergence.summary import summary_table, trend_table

with job(snakemake.log[0]):
    divergence, written = tables.read_frame(snakemake.input.diffs), snakemake.output
    tables.write_table(written.texts, divergence[list(columns.DIVERGENCE)])
    tables.write_table(written.summary, summary_table(divergence), tables.MEASURED)
    tables.write_table(written.trend, trend_table(divergence), tables.MEASURED)
