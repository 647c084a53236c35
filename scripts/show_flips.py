"""Rule show_flips: see rules/flips.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.flips import draw_flips
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, page = snakemake.input, Pages(snakemake.input.templates, **snakemake.params.page)
    read = [published.read_table(file) for file in (files.table, files.places, files.margins)]
    theme.save(draw_flips(*read, page.cuda), snakemake.output.svg, snakemake.output.png)
    write_text(snakemake.output.page, page.flips(read[0], read[2]))
