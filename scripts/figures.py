"""Rule plot: see rules/figures.smk."""

from needq import divergence_figures, figures, metrics, theme
from needq.adapters import adapter
from needq.files import read_json
from needq.job import job

with job(snakemake.log[0]):
    cuda, tables = snakemake.params.cuda, snakemake.input
    vocabulary = adapter(read_json(tables.config)).vocabulary
    degradation = metrics.read_table(tables.degradation)
    drawn = {
        "degradation": figures.degradation(degradation, vocabulary, cuda),
        "texts": figures.texts(degradation, cuda),
        "divergence": divergence_figures.divergence(metrics.read_table(tables.summary), cuda),
        "q_histogram": figures.histogram(metrics.read_table(tables.histogram)),
    }
    for name, figure in drawn.items():
        theme.save(figure, snakemake.output[name], snakemake.output[f"{name}_png"])
