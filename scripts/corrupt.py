"""Rule corrupt: see rules/corrupt.smk."""

from needq.backup.architectures import adapter
from needq.common.files import read_json, write_json
from needq.common.logs import job
from needq.corrupt.patches import patches, stored_noise
from needq.plan.interventions import Intervention
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    recipes = patches(
        [Intervention.from_dict(member) for member in snakemake.params.members],
        adapter(read_json(snakemake.input.config)),
        load_file(snakemake.input.weights),
        stored_noise(snakemake.input.noise),
    )
    write_json(snakemake.output.patches, recipes)
