"""Rule score: see rules/score.smk."""

from needq.common import tables
from needq.inference.instructions import choose_instructions

choose_instructions(snakemake.params.backend)

from pathlib import Path

from needq.backup import tasks as probes
from needq.common import schemas
from needq.common.files import read_json
from needq.common.logs import job, progress
from needq.inference.backend import load, prepare
from needq.inference.patcher import patcher, with_recipes
from needq.inference.score import by_intervention, score_documents, score_texts
from needq.inference.task_accuracy import answers
from needq.plan.interventions import Intervention

with job(snakemake.log[0]):
    backend, weights = snakemake.params.backend, Path(snakemake.input.weights)
    batch = backend["batch"]
    prepare(backend)
    model = load(weights.parent, backend)
    patches = patcher(model, weights, backend, snakemake.input.noise)
    tokens = read_json(snakemake.input.tokens)
    members = [Intervention.from_dict(member) for member in snakemake.params.members]
    recipes = [recipe for _, recipe in with_recipes(members, [snakemake.input.patches])]

    scores = score_documents(model, patches, recipes, tokens["documents"], tokens["bytes"], batch)
    named = {"backend": snakemake.wildcards.backend}
    rows = [
        named | member.keys() | row
        for member, found in zip(members, scores, strict=True)
        for row in found
    ]
    tables.write_rows(snakemake.output.evaluation, rows, schemas.EVALUATION)

    rows = []
    if snakemake.input.texts:
        texts = tables.read_rows(snakemake.input.texts)
        own = by_intervention(texts, tokens["prompts"])
        found = []
        for member in progress(members, f"score texts of {snakemake.wildcards.backend}"):
            found += score_texts(model, own[member.id, member.noise_seed], batch)
        rows = [text | score for text, score in zip(texts, found, strict=True)]
    tables.write_rows(snakemake.output.texts, rows, schemas.TEXT_SCORES)

    rows = []
    asked = probes.read(snakemake.input.probes) if snakemake.input.probes else {}
    for name, probe in asked.items():
        found = answers(model, patches, recipes, probe, batch)
        for member, right in zip(members, found, strict=True):
            keys = named | member.keys() | {"probe": name}
            for item, (kind, answer) in enumerate(zip(probe.kinds, right, strict=True)):
                rows.append(keys | {"item": item, "kind": kind, "right": answer})
    tables.write_rows(snakemake.output.probes, rows, schemas.PROBES)
