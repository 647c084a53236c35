"""Rule summarise_ledger: see rules/ledger.smk."""

from needq.common import columns, tables
from needq.common.logs import job
from needq.divergence.causes import cause_table, corner_table

with job(snakemake.log[0]):
    texts = tables.read_ledger(snakemake.input.texts)[list(columns.LEDGER_TEXTS)]
    tables.write_table(snakemake.output.texts, texts)
    tables.write_table(snakemake.output.corners, corner_table(texts), tables.MEASURED)
    tables.write_table(snakemake.output.table, cause_table(texts), tables.MEASURED)
