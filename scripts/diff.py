"""Rule diff: see rules/divergence.smk."""

from needq.common import schemas, tables
from needq.common.logs import job
from needq.common.tensors import read_tensors
from needq.divergence.diff import diff, repeated

with job(snakemake.log[0]):
    files, names = snakemake.input, (snakemake.wildcards.left, snakemake.wildcards.right)
    left, right = tables.read_rows(files.left_texts), tables.read_rows(files.right_texts)
    rows = diff(
        names,
        (repeated(left, right) if names[0] == names[1] else left, right),
        (read_tensors(files.left_logits), read_tensors(files.right_logits)),
        snakemake.params.precisions,
    )
    tables.write_rows(snakemake.output.table, list(rows), schemas.DIVERGENCE)
