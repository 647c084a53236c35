"""Rule histogram: see rules/metrics.smk."""

from pathlib import Path

import pandas
from needq.backup.architectures import adapter
from needq.common import tables
from needq.common.files import read_json
from needq.common.logs import job
from needq.metrics import histogram
from needq.plan.interventions import noise_parts
from safetensors import safe_open

with job(snakemake.log[0]):
    model = adapter(read_json(snakemake.input.config))
    parts = []
    with safe_open(snakemake.input.weights, "numpy") as weights:
        for file in snakemake.input.noise:
            name = Path(file).stem
            matrix, _, noise_seed = noise_parts(name)
            places = {block: model.matrix(matrix, block) for block in range(model.blocks)}
            pristine = {
                block: weights.get_slice(place.tensor)[place.index()]
                for block, place in places.items()
            }
            with safe_open(file, "numpy") as stored:
                noise = {block: stored.get_tensor(f"{block}.weight") for block in places}
            parts.append(histogram.histogram_table(pristine, noise, name, noise_seed))
    tables.write_table(snakemake.output.table, pandas.concat(parts), tables.MEASURED)
