"""Rule generate: see rules/generate.smk."""

from pathlib import Path

from needq import tables
from needq.backend import load, prepare, record
from needq.corrupt import stored_noise
from needq.files import read_json, write_json
from needq.generate import generate, rows
from needq.interventions import Intervention
from needq.job import job, progress
from needq.patch import Patcher
from tokenizers import Tokenizer

with job(snakemake.log[0]):
    backend = snakemake.params.backend
    settings = snakemake.params.generation
    prepare(backend)
    backup = Path(snakemake.input.weights).parent
    model = load(backup, backend)
    patcher = Patcher(model, snakemake.input.weights, stored_noise(snakemake.input.noise))
    tokenizer = Tokenizer.from_file(snakemake.input.tokenizer)
    tokens = read_json(snakemake.input.tokens)
    recipes = read_json(snakemake.input.patches)
    members = [Intervention.from_dict(member) for member in snakemake.params.members]
    work = rows(tokens, settings)
    found = []
    what = f"generate {snakemake.wildcards.backend}"
    for member, recipe in progress(list(zip(members, recipes, strict=True)), what):
        with patcher.applied(recipe):
            continuations = generate(model, work, settings, tokens["end"], backend)
        for text, continuation in zip(work, continuations, strict=True):
            new = continuation.tokens
            row = {"prompt": text.index, "sample_seed": text.sample_seed, "tokens": new}
            row |= {"margins": continuation.margins, "ended": continuation.ended}
            row["text"] = tokenizer.decode(new[:-1] if continuation.ended else new)
            found.append(member.keys() | row)
    tables.write(snakemake.output.texts, found, tables.TEXTS)
    write_json(snakemake.output.provenance, record(backend))
