"""Rule show_doses: see rules/doses.smk."""

import json

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.doses import draw_doses
from needq.report.units import UnitPages

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    names = json.loads(snakemake.params.names)
    page = UnitPages(files.templates, **snakemake.params.page, names=names)
    doses, halves = map(published.read_table, (files.doses, files.halves))
    theme.save(draw_doses(doses, halves, names["sweeps"]), output.svg, output.png)
    write_text(output.page, page.doses(doses, halves))
