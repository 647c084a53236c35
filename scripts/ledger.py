"""Rule ledger: see rules/ledger.smk."""

from needq import columns, metrics
from needq.job import job

with job(snakemake.log[0]):
    texts = metrics.read_ledger(snakemake.input.texts)[list(columns.LEDGER_TEXTS)]
    metrics.write_table(snakemake.output.texts, texts)
    metrics.write_table(snakemake.output.table, metrics.ledger(texts), metrics.MEASURED)
