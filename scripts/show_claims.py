"""Rule show_claims: see rules/claims.smk."""

from needq.common import tables
from needq.common.files import write_text
from needq.common.logs import job
from needq.report import pages

with job(snakemake.log[0]):
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    names = ("claims", "ladder", "phases")
    tables = [tables.read_table(snakemake.input[name]) for name in names]
    write_text(snakemake.output.page, page.claims(*tables))
