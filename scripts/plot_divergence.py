"""Rule plot_divergence: see rules/divergence_figures.smk."""

from needq import divergence_figures, metrics, survival_figures, theme
from needq.job import job

with job(snakemake.log[0]):
    cuda = snakemake.params.cuda
    texts = metrics.read_table(snakemake.input.texts)
    summary = metrics.read_table(snakemake.input.summary)
    drawn = {
        "divergence": divergence_figures.divergence(summary, cuda),
        "survival": survival_figures.survival(texts, summary, cuda),
    }
    theme.save_all(drawn, snakemake.output)
