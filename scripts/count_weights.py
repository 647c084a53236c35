"""Rule count_weights: see rules/degradation.smk."""

from needq.backup.architectures import find_architecture
from needq.common import tables
from needq.common.files import read_made
from needq.common.logs import job
from needq.common.tensors import read_weights
from needq.corrupt.patches import stored_noise
from needq.metrics.histogram import histogram_tables

with job(snakemake.log[0]):
    files = snakemake.input
    table = histogram_tables(
        find_architecture(read_made(files.config, dict)),
        read_weights(files.weights),
        stored_noise(files.noise),
    )
    tables.write_table(snakemake.output.table, table, tables.MEASURED)
