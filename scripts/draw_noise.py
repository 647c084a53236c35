"""Rule draw_noise: see rules/corrupt.smk."""

from needq.backup.architectures import find_architecture
from needq.common.files import read_json, temporary
from needq.common.logs import job
from needq.corrupt.methods import noise_tensors
from safetensors.numpy import load_file, save_file

with job(snakemake.log[0]):
    noise = noise_tensors(
        load_file(snakemake.input.weights),
        find_architecture(read_json(snakemake.input.config)),
        snakemake.wildcards.matrix,
        snakemake.wildcards.method,
        int(snakemake.wildcards.seed),
    )
    with temporary(snakemake.output.noise) as partial:
        save_file(noise, partial)
