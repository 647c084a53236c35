"""Rule corrupt: see rules/corrupt.smk."""

from needq.adapters import adapter
from needq.corrupt import patches, stored_noise
from needq.files import read_json, write_json
from needq.interventions import Intervention
from needq.job import job
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    recipes = patches(
        [Intervention.from_dict(member) for member in snakemake.params.members],
        adapter(read_json(snakemake.input.config)),
        load_file(snakemake.input.weights),
        stored_noise(snakemake.input.noise),
    )
    write_json(snakemake.output.patches, recipes)
