"""Rule score: see rules/score.smk."""

from pathlib import Path

from needq import tables
from needq.backend import load, prepare
from needq.corrupt import stored_noise
from needq.files import read_json, temporary
from needq.interventions import Intervention
from needq.job import job, progress
from needq.patch import Patcher
from needq.score import by_intervention, reference_logits, score_documents, score_texts
from safetensors.numpy import save_file

with job(snakemake.log[0]):
    backend = snakemake.params.backend
    batch = backend["batch"]
    prepare(backend)
    model = load(Path(snakemake.input.weights).parent, backend)
    patcher = Patcher(model, snakemake.input.weights, stored_noise(snakemake.input.noise))
    tokens = read_json(snakemake.input.tokens)
    recipes = read_json(snakemake.input.patches)
    members = [Intervention.from_dict(member) for member in snakemake.params.members]

    scores = score_documents(model, patcher, recipes, tokens["documents"], tokens["bytes"], batch)
    rows = [
        member.keys() | row for member, found in zip(members, scores, strict=True) for row in found
    ]
    tables.write(snakemake.output.evaluation, rows, tables.EVALUATION)

    texts = tables.read(snakemake.input.texts)
    own = by_intervention(texts, tokens["prompts"])
    found = []
    for member in progress(members, f"score texts of {snakemake.wildcards.backend}"):
        found += score_texts(model, own[member.id, member.noise_seed], batch)
    rows = [
        text | {"tokens": len(text["tokens"]), "text_nll": nll}
        for text, nll in zip(texts, found, strict=True)
    ]
    tables.write(snakemake.output.texts, rows, tables.TEXT_SCORES)

    logits = reference_logits(
        model,
        patcher,
        recipes,
        tables.read(snakemake.input.reference),
        tokens["prompts"],
        snakemake.params.positions,
        batch,
    )
    with temporary(snakemake.output.logits) as partial:
        save_file(logits, partial)
