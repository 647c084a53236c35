"""Rule plot: see rules/figures.smk."""

from needq import figures, metrics, theme
from needq.adapters import adapter
from needq.files import read_json
from needq.job import job

with job(snakemake.log[0]):
    cuda = snakemake.params.cuda
    vocabulary = adapter(read_json(snakemake.input.config)).vocabulary
    degradation = metrics.read_table(snakemake.input.degradation)
    divergence = metrics.read_table(snakemake.input.divergence)
    divergence["blocks_replaced"] = divergence["intervention"].map(metrics.blocks_replaced)
    summary = metrics.read_table(snakemake.input.summary)
    drawn = {
        "degradation": figures.degradation(degradation, vocabulary, cuda),
        "texts": figures.texts(degradation, cuda),
        "divergence": figures.divergence(summary, divergence, cuda),
        "q_histogram": figures.histogram(metrics.read_table(snakemake.input.histogram)),
    }
    for name, figure in drawn.items():
        theme.save(figure, snakemake.output[name], snakemake.output[f"{name}_png"])
