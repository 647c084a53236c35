"""Rule index: see rules/index.smk."""

import yaml
from needq.backup import tasks as probes
from needq.backup.architectures import adapter
from needq.common.files import read_json, write_text
from needq.common.logs import job
from needq.metrics import degradation as metrics
from needq.provenance import digests
from needq.report import index, pages

with job(snakemake.log[0]):
    config, tables = snakemake.params.config, snakemake.input

    def table(name):
        """A table, or None if this run has none of that name."""
        return metrics.read_table(tables[name][0]) if tables[name] else None

    content = index.content(
        config,
        snakemake.params.sweep,
        snakemake.params.roles,
        metrics.read_table(tables.degradation),
        metrics.read_table(tables.summary),
        metrics.read_table(tables.trend),
        metrics.read_table(tables.labels),
        metrics.read_table(tables.quality),
        table("ledger"),
        table("claims"),
        table("phases"),
        adapter(read_json(tables.config)).vocabulary,
        probes.chances(tables.probes),
        read_json(tables.provenance),
        digests.of_run(tables.digests),
        digests.of_run(tables.expected),
        snakemake.params.backends,
        snakemake.params.cuda,
    )
    content |= {
        "figure": index.image(tables.figure),
        "parting_figure": index.image(tables.parting),
        "pages": snakemake.params.pages,
        "links": index.links(snakemake.params.pages),
        "commands": index.commands(content["verified"], snakemake.output.config),
    }
    spelled = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=96)
    write_text(snakemake.output.config, spelled)
    page = pages.of_run(tables.templates, snakemake.params)
    write_text(snakemake.output.page, page.index(content))
