"""Rule show_ledger: see rules/divergence_figures.smk."""

from needq.common import tables
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import ledger as ledger_figures
from needq.figures import theme
from needq.report import pages

with job(snakemake.log[0]):
    table = tables.read_table(snakemake.input.table)
    figure = ledger_figures.draw_ledger(table, snakemake.params.cuda)
    theme.save(figure, snakemake.output.svg, snakemake.output.png)
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    write_text(snakemake.output.page, page.ledger(table))
