"""Rule score_again: see rules/score.smk."""

from pathlib import Path

from needq import tables
from needq.backend import load, prepare
from needq.corrupt import stored_noise
from needq.files import read_json, temporary
from needq.job import job
from needq.patch import Patcher
from needq.score import reference_logits
from safetensors.numpy import save_file

with job(snakemake.log[0]):
    backend = snakemake.params.backend
    prepare(backend)
    model = load(Path(snakemake.input.weights).parent, backend)
    logits = reference_logits(
        model,
        Patcher(model, snakemake.input.weights, stored_noise(snakemake.input.noise)),
        read_json(snakemake.input.patches),
        tables.read(snakemake.input.reference),
        read_json(snakemake.input.tokens)["prompts"],
        snakemake.params.positions,
        backend["batch"],
    )
    with temporary(snakemake.output.logits) as partial:
        save_file(logits, partial)
