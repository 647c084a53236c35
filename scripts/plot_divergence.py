"""Rule plot_divergence: see rules/divergence_figures.smk."""

from needq.common.logs import job
from needq.figures import divergence as divergence_figures
from needq.figures import survival as survival_figures
from needq.figures import theme
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):
    cuda = snakemake.params.cuda
    texts = metrics.read_table(snakemake.input.texts)
    summary = metrics.read_table(snakemake.input.summary)
    drawn = {
        "divergence": divergence_figures.divergence(summary, cuda),
        "survival": survival_figures.survival(texts, summary, cuda),
    }
    theme.save_all(drawn, snakemake.output)
