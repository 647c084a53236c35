"""Rule show_labels: see rules/labels.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, page = snakemake.input, Pages(snakemake.input.templates, **snakemake.params.page)
    shown = [
        published.read_table(file)
        for file in (files.shares, files.axes, files.confusion, files.quality)
    ]
    write_text(snakemake.output.page, page.labels(*shown))
