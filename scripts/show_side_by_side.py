"""Rule show_side_by_side: see rules/divergence.smk."""

import json

from needq.backup.tokens import decoder
from needq.common import published, tables
from needq.common.files import write_text
from needq.common.logs import job
from needq.report.cells import in_order
from needq.report.pages import Pages
from needq.report.side_by_side import examples

with job(snakemake.log[0]):
    files, page = snakemake.input, Pages(snakemake.input.templates, **snakemake.params.page)
    texts = tables.read_by_backend(files.texts, page.backends)
    divergence = in_order(published.read_table(files.divergence), page.pairs)
    pairs = examples(divergence, texts, decoder(files.tokenizer))
    prompts = json.loads(snakemake.params.prompts)
    write_text(snakemake.output.page, page.side_by_side(pairs, prompts))
