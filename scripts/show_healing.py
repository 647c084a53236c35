"""Rule show_healing: see rules/healing.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.healing import draw_healing
from needq.report.healing import HealingPages

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    page = HealingPages(files.templates, **snakemake.params.page)
    table = published.read_table(files.table)
    mixtures = published.read_table(files.factorial[0]) if files.factorial else None
    theme.save(draw_healing(table), output.svg, output.png)
    write_text(output.page, page.healing(table, mixtures))
