"""Rule ledger: see rules/ledger.smk."""

from needq.common import columns
from needq.common.logs import job
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):
    texts = metrics.read_ledger(snakemake.input.texts)[list(columns.LEDGER_TEXTS)]
    metrics.write_table(snakemake.output.texts, texts)
    metrics.write_table(snakemake.output.table, metrics.ledger(texts), metrics.MEASURED)
