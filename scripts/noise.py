"""Rule noise: see rules/corrupt.smk."""

from needq.backup.architectures import adapter
from needq.common.files import read_json, temporary
from needq.common.logs import job
from needq.corrupt.methods import noise_tensors
from safetensors.numpy import load_file, save_file

with job(snakemake.log[0]):
    sizes = adapter(read_json(snakemake.input.config))
    noise = noise_tensors(
        load_file(snakemake.input.weights),
        sizes,
        snakemake.wildcards.matrix,
        snakemake.wildcards.method,
        int(snakemake.wildcards.seed),
    )
    with temporary(snakemake.output.noise) as partial:
        save_file(noise, partial)
