"""Rule show_probes: see rules/probes.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.probes import draw_probes
from needq.report.probes import ProbePages

with job(snakemake.log[0]):
    files, output, params = snakemake.input, snakemake.output, snakemake.params
    page, table = ProbePages(files.templates, **params.page), published.read_table(files.table)
    theme.save(draw_probes(table, params.matrix), output.svg, output.png)
    write_text(output.page, page.probes(table, params.matrix))
