"""Rule degradation: see rules/metrics.smk."""

import pandas
from needq.common.logs import job, progress
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):

    def read(name, backend):
        """The rows of one input of one backend."""
        return metrics.read_backend(snakemake.input[name], backend)

    labels, parts = metrics.read_labels(snakemake.input.labels), []
    for backend in progress(snakemake.params.backends, "backends"):
        stages = ("texts", "text_scores", "evaluation", "answers")
        rows = [read(stage, backend) for stage in stages]
        parts.append(metrics.degradation(backend, *rows, labels[backend]))
    table = pandas.concat(parts).sort_values(["sweep", "intervention"], kind="stable")
    metrics.write_table(snakemake.output.table, table, metrics.MEASURED)
