"""Rule walk_through: see rules/notebooks.smk."""

from needq.common.logs import job
from needq.report import notebooks

with job(snakemake.log[0]):
    tables = notebooks.tables_of(snakemake.input.tables)
    given = snakemake.params
    parameters = {"TABLES": tables, "SWEEP": given.sweep, "BLOCKS": given.blocks}
    parameters["CUDA"] = given.cuda
    notebooks.publish(snakemake.input, given, snakemake.output, parameters)
