"""Rule show_labels: see rules/labels.smk."""

from needq import metrics, pages
from needq.files import write_text
from needq.job import job

with job(snakemake.log[0]):
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    names = ("shares", "confusion", "quality")
    tables = [metrics.read_table(snakemake.input[name]) for name in names]
    write_text(snakemake.output.page, page.labels(*tables))
