"""Rule recompute: see rules/notebooks.smk."""

from pathlib import Path

from needq.common.logs import job
from needq.report import notebooks
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    page = Pages(files.templates, **params.page)
    values = {"RUN": str(Path(snakemake.output.notebook).parents[1]), "CHUNKS": params.chunks}
    notebooks.publish(files.source, values, page, snakemake.output.notebook, snakemake.output.page)
