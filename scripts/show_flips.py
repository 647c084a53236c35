"""Rule show_flips: see rules/ladder.smk."""

from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import divergence as divergence_figures
from needq.figures import theme
from needq.metrics import degradation as metrics
from needq.report import pages

with job(snakemake.log[0]):
    table = metrics.read_table(snakemake.input.table)
    places = metrics.read_table(snakemake.input.places)
    figure = divergence_figures.flips(table, places, snakemake.params.cuda)
    theme.save(figure, snakemake.output.svg, snakemake.output.png)
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    write_text(snakemake.output.page, page.flips(table))
