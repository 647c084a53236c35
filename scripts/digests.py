"""Rule digests: see rules/verify.smk."""

from needq.common import tables
from needq.common.files import read_json, write_json
from needq.common.logs import job
from needq.corrupt.patches import stored_noise
from needq.provenance import digests

with job(snakemake.log[0]):

    def rows(name):
        """The rows of one input, of all its chunks."""
        return [row for file in snakemake.input[name] for row in tables.read_rows(file)]

    manifest = read_json(snakemake.input.manifest)
    found = {
        "config": digests.of_config(snakemake.params.config),
        "weights": {tensor["name"]: tensor["sha256"] for tensor in manifest["tensors"]},
        "noise": digests.of_noise(stored_noise(snakemake.input.noise)),
        "logits": digests.of_logits(rows("evaluation")),
        "tokens": digests.of_tokens(rows("texts")),
    }
    write_json(snakemake.output.digests, found)
