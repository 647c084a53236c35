"""Rule divergence: see rules/metrics.smk."""

from needq.common import columns
from needq.common.logs import job
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):
    divergence = metrics.read_chunks(snakemake.input.diffs)
    metrics.write_table(snakemake.output.texts, divergence[list(columns.DIVERGENCE)])
    summary = metrics.divergence_summary(divergence)
    metrics.write_table(snakemake.output.summary, summary, metrics.MEASURED)
    trend = metrics.divergence_trend(divergence)
    metrics.write_table(snakemake.output.trend, trend, metrics.MEASURED)
