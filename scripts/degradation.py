"""Rule degradation: see rules/metrics.smk."""

import pandas
from needq.common import tables
from needq.common.logs import job, progress
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):
    stages = ("texts", "text_scores", "evaluation", "answers", "labels")
    backends = snakemake.params.backends
    rows = [tables.read_by_backend(snakemake.input[stage], backends) for stage in stages]
    parts = []
    for backend in progress(backends, "backends"):
        parts.append(metrics.degradation_table(backend, *(stage[backend] for stage in rows)))
    table = pandas.concat(parts).sort_values(["sweep", "intervention"], kind="stable")
    tables.write_table(snakemake.output.table, table, tables.MEASURED)
