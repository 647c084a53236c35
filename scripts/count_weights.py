"""Rule count_weights: see rules/degradation.smk."""

from needq.backup.architectures import find_architecture
from needq.common import tables
from needq.common.files import read_json
from needq.common.logs import job
from needq.corrupt.patches import stored_noise
from needq.metrics.histogram import histogram_tables
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    files = snakemake.input
    table = histogram_tables(
        find_architecture(read_json(files.config)),
        load_file(files.weights),
        stored_noise(files.noise),
    )
    tables.write_table(snakemake.output.table, table, tables.MEASURED)
