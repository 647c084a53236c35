"""Rule tokenize: see rules/backup.smk."""

from pathlib import Path

from needq.files import read_json, write_json
from needq.job import job
from needq.tokens import tokenized

with job(snakemake.log[0]):
    context = read_json(snakemake.input.manifest)["context"]
    tokens = tokenized(
        Path(snakemake.input.tokenizer),
        context,
        snakemake.params.generation,
        snakemake.params.evaluation,
    )
    write_json(snakemake.output.tokens, tokens)
