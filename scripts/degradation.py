"""Rule degradation: see rules/metrics.smk."""

import pandas
from needq import metrics
from needq.job import job, progress

with job(snakemake.log[0]):

    def read(name, backend):
        """The rows of one input of one backend."""
        return metrics.read_backend(snakemake.input[name], backend)

    parts = []
    for backend in progress(snakemake.params.backends, "backends"):
        texts, scores = read("texts", backend), read("text_scores", backend)
        parts.append(metrics.degradation(backend, texts, scores, read("evaluation", backend)))
    table = pandas.concat(parts).sort_values(["sweep", "intervention"], kind="stable")
    metrics.write_table(snakemake.output.table, table, metrics.MEASURED)
