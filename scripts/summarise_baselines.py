"""Rule summarise_baselines: see rules/baselines.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.baselines import baselines_table

with job(snakemake.log[0]):
    files = snakemake.input
    rows = tables.read_frame(files.evaluation)
    pristine = rows[(rows["blocks_replaced"] == 0) & (rows["sweep"] == snakemake.params.sweep)]
    table = baselines_table(tables.read_frame([files.ngrams]), pristine)
    tables.write_table(snakemake.output.table, table, tables.MEASURED)
