"""Rule show_units: see rules/units.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.units import draw_units
from needq.report.units import UnitPages

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    page = UnitPages(files.templates, **snakemake.params.page)
    units, reliability = map(published.read_table, (files.units, files.reliability))
    theme.save(draw_units(units, reliability), output.svg, output.png)
    write_text(output.page, page.units(units, reliability))
