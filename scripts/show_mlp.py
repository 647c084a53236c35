"""Rule show_mlp: see rules/mlp.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.mlp import draw_mlp
from needq.report.mlp import MlpPage

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    page = MlpPage(files.templates, **snakemake.params.page)
    damage, changes = map(published.read_table, (files.mlp, files.changes))
    theme.save(draw_mlp(damage, changes), output.svg, output.png)
    write_text(output.page, page.mlp(damage, changes))
