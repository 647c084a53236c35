"""Rule generate: see rules/generate.smk."""

from needq.common import tables
from needq.inference.instructions import choose_instructions

choose_instructions(snakemake.params.backend)

from pathlib import Path

from needq.common import schemas
from needq.common.files import read_json, write_json
from needq.common.logs import job
from needq.inference.backend import load, prepare, record
from needq.inference.generate import generate_all
from needq.inference.patcher import patcher, with_recipes
from needq.plan.interventions import Intervention
from tokenizers import Tokenizer

with job(snakemake.log[0]):
    backend, weights = snakemake.params.backend, Path(snakemake.input.weights)
    prepare(backend)
    model = load(weights.parent, backend)
    members = [Intervention.from_dict(member) for member in snakemake.params.members]
    texts = generate_all(
        model,
        patcher(model, weights, backend, snakemake.input.noise),
        with_recipes(members, [snakemake.input.patches]),
        read_json(snakemake.input.tokens),
        snakemake.params.generation,
        backend,
    )
    tokenizer = Tokenizer.from_file(snakemake.input.tokenizer)
    for text in texts:
        shown = text["tokens"][:-1] if text["ended"] else text["tokens"]
        text |= {"backend": snakemake.wildcards.backend, "text": tokenizer.decode(shown)}
    tables.write_rows(snakemake.output.texts, texts, schemas.TEXTS)
    write_json(snakemake.output.provenance, record(backend))
