"""Rule write_pages: see rules/report.smk."""

import json

from needq.common import published, tables
from needq.common.files import read_made, write_text
from needq.common.logs import job
from needq.common.settings import Config
from needq.provenance import digests
from needq.provenance.record import ProvenanceRecord
from needq.report import gallery
from needq.report.cells import in_order
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    config, names = Config.model_validate_json(params.config), json.loads(params.names)
    page = Pages(files.templates, **params.page, names=names)
    summary, trend = (
        in_order(published.read_table(file), page.pairs) for file in (files.divergence, files.trend)
    )
    baselines = published.read_table(files.baselines[0]) if files.baselines else None
    own, expected = digests.read_first(files.digests), digests.read_first(files.expected)
    texts = tables.read_by_backend(files.texts, page.backends)
    labels = tables.read_by_backend(files.labels, params.scored)
    prompts, seeds = config.generation.prompts, config.noise_seeds
    verified = digests.compared(expected, own)
    record = read_made(files.provenance, ProvenanceRecord)
    written = {
        "degradation": page.degradation(published.read_table(files.degradation), baselines),
        "divergence": page.divergence(summary, trend),
        "gallery": gallery.write_gallery(page, texts, labels, prompts, seeds, summary),
        "provenance": page.provenance(config, record, own, verified),
        "glossary": page.explain_terms(),
    }
    for name, content in written.items():
        write_text(snakemake.output[name], content)
