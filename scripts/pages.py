"""Rule write_pages: see rules/report.smk."""

from needq.common import tables
from needq.common.files import read_json, write_text
from needq.common.logs import job
from needq.provenance import digests
from needq.report import gallery, pages

LARGEST = (
    1_000_000  # bytes of the gallery with every noise; beyond it, it has the first noise alone
)

with job(snakemake.log[0]):
    config, given = snakemake.params.config, snakemake.input
    page = pages.of_run(given.templates, snakemake.params)
    summary = tables.read_table(given.divergence)
    found, expected = digests.of_run(given.digests), digests.of_run(given.expected)

    backends, prompts = snakemake.params.backends, config["generation"]["prompts"]
    rows = tables.read_by_backend(given.texts, backends)
    scored = [name for name in backends if name in snakemake.params.scored]
    labels = tables.read_by_backend(given.labels, scored)

    def every_text(noise_seed=None, left_out=""):
        """The gallery, of one noise seed or all."""
        samples = gallery.grid(rows, labels, prompts, noise_seed)
        return page.gallery(samples, gallery.count(samples), left_out, gallery.parted(summary))

    texts = every_text()
    if len(texts.encode()) > LARGEST:
        first = config["noise_seeds"][0]
        texts = every_text(first, f"of noise seed {first} alone, the others being too many")
    written = {
        "degradation": page.degradation(tables.read_table(given.degradation)),
        "divergence": page.divergence(summary, tables.read_table(given.trend)),
        "gallery": texts,
        "provenance": page.provenance(
            config, read_json(given.provenance), found, digests.compared(expected, found)
        ),
    }
    for name, content in written.items():
        write_text(snakemake.output[name], content)
