"""Rule corrupt: see rules/corrupt.smk."""

from needq.backup.architectures import find_architecture
from needq.common.files import read_made
from needq.common.logs import job
from needq.common.tensors import read_weights
from needq.corrupt.patches import make_patches, stored_noise, write_patches
from needq.plan.interventions import Intervention

with job(snakemake.log[0]):
    patches = make_patches(
        [Intervention.from_dict(values) for values in snakemake.params.interventions],
        find_architecture(read_made(snakemake.input.config, dict)),
        read_weights(snakemake.input.weights),
        stored_noise(snakemake.input.noise),
    )
    write_patches(snakemake.output.patches, patches)
