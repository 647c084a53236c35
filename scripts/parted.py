"""Rule parted: see rules/report.smk."""

from needq.common.files import write_text
from needq.common.logs import job
from needq.metrics import degradation as metrics
from needq.report import pages
from needq.report.side_by_side import examples
from tokenizers import Tokenizer

with job(snakemake.log[0]):
    tokenizer = Tokenizer.from_file(snakemake.input.tokenizer)
    names = snakemake.params.backends
    pairs = examples(
        metrics.read_table(snakemake.input.divergence),
        {name: metrics.read_backend(snakemake.input.texts, name) for name in names},
        lambda tokens: tokenizer.decode(tokens, skip_special_tokens=False),
    )
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    write_text(snakemake.output.page, page.parted(pairs, snakemake.params.prompts))
