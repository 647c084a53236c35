"""Rule show_ledger: see rules/divergence_figures.smk."""

from needq import ledger_figures, metrics, pages, theme
from needq.files import write_text
from needq.job import job

with job(snakemake.log[0]):
    table = metrics.read_table(snakemake.input.table)
    figure = ledger_figures.ledger(table, snakemake.params.cuda)
    theme.save(figure, snakemake.output.svg, snakemake.output.png)
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    write_text(snakemake.output.page, page.ledger(table))
