"""Rule divergence: see rules/metrics.smk."""

from needq.common import columns, tables
from needq.common.logs import job
from needq.divergence import summary

with job(snakemake.log[0]):
    divergence = tables.read_frame(snakemake.input.diffs)
    tables.write_table(snakemake.output.texts, divergence[list(columns.DIVERGENCE)])
    summary = summary.summary_table(divergence)
    tables.write_table(snakemake.output.summary, summary, tables.MEASURED)
    trend = summary.trend_table(divergence)
    tables.write_table(snakemake.output.trend, trend, tables.MEASURED)
