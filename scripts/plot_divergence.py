"""Rule plot_divergence: see rules/divergence.smk."""

from needq.common import published
from needq.common.logs import job
from needq.figures import theme
from needq.figures.divergence import draw_divergence
from needq.figures.survival import draw_survival

with job(snakemake.log[0]):
    cuda = snakemake.params.cuda
    texts = published.read_table(snakemake.input.texts)
    summary = published.read_table(snakemake.input.summary)
    drawn = {
        "divergence": draw_divergence(summary, cuda),
        "survival": draw_survival(texts, summary, cuda),
    }
    theme.save_all(drawn, snakemake.output)
