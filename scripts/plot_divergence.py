"""Rule plot_divergence: see rules/divergence_figures.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.figures import divergence as divergence_figures
from needq.figures import survival as survival_figures
from needq.figures import theme

with job(snakemake.log[0]):
    cuda = snakemake.params.cuda
    texts = tables.read_table(snakemake.input.texts)
    summary = tables.read_table(snakemake.input.summary)
    drawn = {
        "divergence": divergence_figures.draw_divergence(summary, cuda),
        "survival": survival_figures.draw_survival(texts, summary, cuda),
    }
    theme.save_all(drawn, snakemake.output)
