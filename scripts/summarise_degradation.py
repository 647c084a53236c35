"""Rule summarise_degradation: see rules/degradation.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.degradation import degradation_tables

with job(snakemake.log[0]):
    files, backends = snakemake.input, snakemake.params.backends
    stages = (files.texts, files.text_scores, files.evaluation, files.answers, files.labels)
    rows = [tables.read_by_backend(stage, backends) for stage in stages]
    table = degradation_tables(backends, *rows)
    tables.write_table(snakemake.output.table, table, tables.MEASURED)
