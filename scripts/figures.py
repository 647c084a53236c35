"""Rule plot: see rules/figures.smk."""

from needq.backup.architectures import adapter
from needq.common import tables
from needq.common.files import read_json
from needq.common.logs import job
from needq.figures import degradation as figures
from needq.figures import histogram, theme
from needq.figures import labels as label_figures

with job(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    vocabulary = adapter(read_json(given.config)).vocabulary
    degradation = tables.read_table(given.degradation)
    labels = tables.read_table(given.labels)
    own = [
        table[(table["backend"] == params.reference) & (table["sweep"] == params.sweep)]
        for table in (labels, degradation)
    ]
    drawn = {
        "labels": label_figures.draw_labels(*own, params.blocks, params.cuda),
        "degradation": figures.draw_evaluation(
            degradation, vocabulary, params.reference, params.cuda
        ),
        "texts": figures.draw_texts(degradation, params.cuda),
        "q_histogram": histogram.draw_histogram(tables.read_table(given.histogram)),
    }
    theme.save_all(drawn, snakemake.output)
