"""Rule show_attention: see rules/attention.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.attention import draw_attention
from needq.report.attention import AttentionPages

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    page = AttentionPages(files.templates, **snakemake.params.page)
    table = published.read_table(files.table)
    theme.save(draw_attention(table), output.svg, output.png)
    write_text(output.page, page.attention(table))
