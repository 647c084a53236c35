"""Rule write_pages: see rules/report.smk."""

from needq.common.files import read_json, write_text
from needq.common.logs import job
from needq.metrics import degradation as metrics
from needq.provenance import digests
from needq.report import gallery, pages

LARGEST = (
    1_000_000  # bytes of the gallery with every noise; beyond it, it has the first noise alone
)

with job(snakemake.log[0]):
    config, tables = snakemake.params.config, snakemake.input
    page = pages.of_run(tables.templates, snakemake.params)
    summary = metrics.read_table(tables.divergence)
    found, expected = digests.of_run(tables.digests), digests.of_run(tables.expected)

    backends, prompts = snakemake.params.backends, config["generation"]["prompts"]
    rows = {name: metrics.read_backend(tables.texts, name) for name in backends}
    labels = metrics.read_labels(tables.labels)

    def every_text(noise_seed=None, left_out=""):
        """The gallery, of one noise seed or all."""
        samples = gallery.grid(rows, labels, prompts, noise_seed)
        return page.gallery(samples, gallery.count(samples), left_out, gallery.parted(summary))

    texts = every_text()
    if len(texts.encode()) > LARGEST:
        first = config["noise_seeds"][0]
        texts = every_text(first, f"of noise seed {first} alone, the others being too many")
    written = {
        "degradation": page.degradation(metrics.read_table(tables.degradation)),
        "divergence": page.divergence(summary, metrics.read_table(tables.trend)),
        "gallery": texts,
        "provenance": page.provenance(
            config, read_json(tables.provenance), found, digests.compared(expected, found)
        ),
    }
    for name, content in written.items():
        write_text(snakemake.output[name], content)
