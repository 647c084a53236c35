"""Rule summarise_mlp: see rules/mlp.smk."""

from needq.common import tables
from needq.common.files import read_made
from needq.common.logs import job
from needq.common.rows import OutputChange
from needq.metrics.mlp import changes_table, mlp_table

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    damage = mlp_table(tables.read_frame(files.evaluation), snakemake.params.sweeps)
    changes = changes_table([read_made(file, list[OutputChange]) for file in files.changes])
    tables.write_table(output.mlp, damage, tables.MEASURED)
    tables.write_table(output.changes, changes, tables.MEASURED)
