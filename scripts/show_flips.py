"""Rule show_flips: see rules/ladder.smk."""

from needq.common import tables
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import flips, theme
from needq.report import pages

with job(snakemake.log[0]):
    table = tables.read_table(snakemake.input.table)
    places = tables.read_table(snakemake.input.places)
    figure = flips.draw_flips(table, places, snakemake.params.cuda)
    theme.save(figure, snakemake.output.svg, snakemake.output.png)
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    write_text(snakemake.output.page, page.flips(table))
