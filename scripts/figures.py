"""Rule plot: see rules/figures.smk."""

from needq import figures, label_figures, metrics, theme
from needq.adapters import adapter
from needq.files import read_json
from needq.job import job

with job(snakemake.log[0]):
    tables, params = snakemake.input, snakemake.params
    vocabulary = adapter(read_json(tables.config)).vocabulary
    degradation = metrics.read_table(tables.degradation)
    labels = metrics.read_table(tables.labels)
    own = [
        table[(table["backend"] == params.reference) & (table["sweep"] == params.sweep)]
        for table in (labels, degradation)
    ]
    drawn = {
        "labels": label_figures.labels(*own, params.blocks, params.cuda),
        "degradation": figures.degradation(degradation, vocabulary, params.reference, params.cuda),
        "texts": figures.texts(degradation, params.cuda),
        "q_histogram": figures.histogram(metrics.read_table(tables.histogram)),
    }
    theme.save_all(drawn, snakemake.output)
