"""Rule summarise_ledger: see rules/ledger.smk."""

from needq.common import columns, tables
from needq.common.logs import job
from needq.divergence.summary import ledger_table

with job(snakemake.log[0]):
    texts = tables.read_ledger(snakemake.input.texts)[list(columns.LEDGER_TEXTS)]
    tables.write_table(snakemake.output.texts, texts)
    tables.write_table(snakemake.output.table, ledger_table(texts), tables.MEASURED)
