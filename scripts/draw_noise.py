"""Rule draw_noise: see rules/corrupt.smk."""

from needq.backup.architectures import find_architecture
from needq.common.files import read_made
from needq.common.logs import job
from needq.common.tensors import read_weights, write_tensors
from needq.corrupt.methods import noise_tensors

with job(snakemake.log[0]):
    noise = noise_tensors(
        read_weights(snakemake.input.weights),
        find_architecture(read_made(snakemake.input.config, dict)),
        snakemake.wildcards.matrix,
        snakemake.wildcards.method,
        int(snakemake.wildcards.seed),
    )
    write_tensors(snakemake.output.noise, noise)
