"""Rule parted: see rules/report.smk."""

from needq.common import tables
from needq.common.files import write_text
from needq.common.logs import job
from needq.report import pages
from needq.report.side_by_side import examples
from tokenizers import Tokenizer

with job(snakemake.log[0]):
    tokenizer = Tokenizer.from_file(snakemake.input.tokenizer)
    names = snakemake.params.backends
    pairs = examples(
        tables.read_table(snakemake.input.divergence),
        tables.read_by_backend(snakemake.input.texts, names),
        lambda tokens: tokenizer.decode(tokens, skip_special_tokens=False),
    )
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    write_text(snakemake.output.page, page.parted(pairs, snakemake.params.prompts))
