"""Rule index: see rules/index.smk."""

import yaml
from needq.backup import tasks as probes
from needq.backup.architectures import adapter
from needq.common import tables
from needq.common.files import read_json, write_text
from needq.common.logs import job
from needq.provenance import digests
from needq.report import index, pages

with job(snakemake.log[0]):
    config, given = snakemake.params.config, snakemake.input

    def table(name):
        """A table, or None if this run has none of that name."""
        return tables.read_table(given[name][0]) if given[name] else None

    content = index.content(
        config,
        snakemake.params.sweep,
        snakemake.params.roles,
        tables.read_table(given.degradation),
        tables.read_table(given.summary),
        tables.read_table(given.trend),
        tables.read_table(given.labels),
        tables.read_table(given.quality),
        table("ledger"),
        table("claims"),
        table("phases"),
        adapter(read_json(given.config)).vocabulary,
        probes.chances(given.probes),
        read_json(given.provenance),
        digests.of_run(given.digests),
        digests.of_run(given.expected),
        snakemake.params.backends,
        snakemake.params.cuda,
    )
    content |= {
        "figure": index.image(given.figure),
        "parting_figure": index.image(given.parting),
        "pages": snakemake.params.pages,
        "links": index.links(snakemake.params.pages),
        "commands": index.commands(content["verified"], snakemake.output.config),
    }
    spelled = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=96)
    write_text(snakemake.output.config, spelled)
    page = pages.of_run(given.templates, snakemake.params)
    write_text(snakemake.output.page, page.index(content))
