"""Rule logits: see rules/score.smk."""

from needq.common import tables
from needq.inference.instructions import choose_instructions

choose_instructions(snakemake.params.backend)

from pathlib import Path

from needq.common.files import read_json, temporary
from needq.common.logs import job
from needq.inference.backend import load, prepare
from needq.inference.patcher import patcher, with_recipes
from needq.inference.score import reference_logits
from needq.plan.interventions import Intervention
from safetensors.numpy import save_file

with job(snakemake.log[0]):
    backend, weights = snakemake.params.backend, Path(snakemake.input.weights)
    prepare(backend)
    model = load(weights.parent, backend)
    members = [Intervention.from_dict(member) for member in snakemake.params.members]
    logits = reference_logits(
        model,
        patcher(model, weights, backend, snakemake.input.noise),
        with_recipes(members, [snakemake.input.patches]),
        tables.read_rows(snakemake.input.reference),
        read_json(snakemake.input.tokens)["prompts"],
        snakemake.params.positions,
        backend["batch"],
    )
    with temporary(snakemake.output.logits) as partial:
        save_file(logits, partial)
