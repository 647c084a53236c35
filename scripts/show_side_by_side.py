"""Rule show_side_by_side: see rules/divergence.smk."""

import json

from needq.backup.tokens import decoder
from needq.common import published, tables
from needq.common.backends import Backend
from needq.common.files import write_text
from needq.common.logs import job
from needq.report.cells import in_order
from needq.report.side_by_side import SideBySidePages, examples

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    page = SideBySidePages(files.templates, **params.page, names=json.loads(params.names))
    texts = tables.read_by_backend(files.texts, page.backends)
    divergence = in_order(published.read_table(files.divergence), page.pairs)
    pairs = examples(divergence, texts, decoder(files.tokenizer))
    backends = {name: Backend(**values) for name, values in params.backends.items()}
    prompts = json.loads(params.prompts)
    write_text(snakemake.output.page, page.side_by_side(pairs, prompts, backends))
