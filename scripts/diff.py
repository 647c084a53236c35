"""Rule diff: see rules/diff.smk."""

from needq import tables
from needq.diff import diff
from needq.job import job
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    rows = diff(
        (snakemake.wildcards.left, snakemake.wildcards.right),
        (tables.read(snakemake.input.left_texts), tables.read(snakemake.input.right_texts)),
        (load_file(snakemake.input.left_logits), load_file(snakemake.input.right_logits)),
        snakemake.params.precisions,
    )
    tables.write(snakemake.output.table, list(rows), tables.DIVERGENCE)
