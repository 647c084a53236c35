"""Rule write_pages: see rules/report.smk."""

from needq import metrics, pages
from needq.files import read_json, write_text
from needq.job import job

with job(snakemake.log[0]):
    config = snakemake.params.config
    backends = snakemake.params.backends
    page = pages.of_run(snakemake.input.templates, snakemake.params)
    texts = {name: metrics.read_backend(snakemake.input.texts, name) for name in backends}
    noise_seed, sample_seed = config["noise_seeds"][0], config["generation"]["sample_seeds"][0]
    samples = pages.sample_texts(texts, config["generation"]["prompts"], noise_seed, sample_seed)
    note = (
        "One text for each prompt, number of blocks replaced and backend: noise seed "
        f"{noise_seed} and sample seed {sample_seed}, the first of each. Backends whose texts are "
        "equal stand together. Prompts are not repeated before the texts."
    )
    written = {
        "degradation": page.degradation(metrics.read_table(snakemake.input.degradation)),
        "divergence": page.divergence(
            metrics.read_table(snakemake.input.divergence),
            metrics.read_table(snakemake.input.trend),
        ),
        "texts": page.texts(samples, note),
        "provenance": page.provenance(config, read_json(snakemake.input.provenance)),
    }
    for name, content in written.items():
        write_text(snakemake.output[name], content)
