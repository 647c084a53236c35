"""Rule diff: see rules/diff.smk."""

from needq.common import schemas, tables
from needq.common.logs import job
from needq.divergence.diff import diff, repeated
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    names = (snakemake.wildcards.left, snakemake.wildcards.right)
    left, right = (
        tables.read_rows(snakemake.input.left_texts),
        tables.read_rows(snakemake.input.right_texts),
    )
    rows = diff(
        names,
        (repeated(left, right) if names[0] == names[1] else left, right),
        (load_file(snakemake.input.left_logits), load_file(snakemake.input.right_logits)),
        snakemake.params.precisions,
    )
    tables.write_rows(snakemake.output.table, list(rows), schemas.DIVERGENCE)
