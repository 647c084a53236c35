"""Rule recompute: see rules/notebooks.smk."""

from needq.common.logs import job
from needq.report import notebooks

with job(snakemake.log[0]):
    chunks = notebooks.chunks_of(snakemake.input.evaluation)
    notebooks.publish(
        snakemake.input, snakemake.params, snakemake.output, parameters={"CHUNKS": chunks}
    )
