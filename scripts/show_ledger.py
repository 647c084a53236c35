"""Rule show_ledger: see rules/ledger.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.ledger import draw_ledger
from needq.report.ledger import LedgerPages

with job(snakemake.log[0]):
    page = LedgerPages(snakemake.input.templates, **snakemake.params.page)
    causes = published.read_table(snakemake.input.table)
    corners = published.read_table(snakemake.input.corners)
    theme.save(draw_ledger(causes, page.cuda), snakemake.output.svg, snakemake.output.png)
    write_text(snakemake.output.page, page.ledger(causes, corners))
