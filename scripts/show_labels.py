"""Rule show_labels: see rules/labels.smk."""

import json

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    page = Pages(files.templates, **params.page, names=json.loads(params.names))
    shown = [
        published.read_table(file)
        for file in (files.shares, files.axes, files.confusion, files.quality)
    ]
    write_text(snakemake.output.page, page.labels(*shown))
