"""Rule ledger: see rules/ledger.smk."""

from needq.common import columns, tables
from needq.common.logs import job
from needq.divergence import summary

with job(snakemake.log[0]):
    texts = tables.read_ledger(snakemake.input.texts)[list(columns.LEDGER_TEXTS)]
    tables.write_table(snakemake.output.texts, texts)
    tables.write_table(snakemake.output.table, summary.ledger_table(texts), tables.MEASURED)
