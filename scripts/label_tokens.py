"""Rule label_tokens: see rules/probes.smk."""

from needq.backup.tokens import decoder
from needq.common import schemas, tables
from needq.common.files import read_made
from needq.common.logs import job
from needq.common.rows import Tokens
from needq.metrics.probe_items import probe_items

with job(snakemake.log[0]):
    documents = read_made(snakemake.input.tokens, Tokens)["documents"]
    items = probe_items(documents, decoder(snakemake.input.tokenizer))
    tables.write_rows(snakemake.output.labels, items, schemas.PROBE_ITEMS)
