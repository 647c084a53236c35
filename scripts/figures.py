"""Rule plot: see rules/figures.smk."""

from needq.backup.architectures import adapter
from needq.common.files import read_json
from needq.common.logs import job
from needq.figures import degradation as figures
from needq.figures import labels as label_figures
from needq.figures import theme
from needq.metrics import degradation as metrics

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
