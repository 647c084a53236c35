"""Rule generate: see rules/generate.smk."""

from pathlib import Path

from needq import tables
from needq.backend import load, prepare, record
from needq.files import read_json, write_json
from needq.generate import generate, native_stream
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
    patcher = Patcher(model, snakemake.input.weights, snakemake.input.noise)
    tokenizer = Tokenizer.from_file(snakemake.input.tokenizer)
    tokens = read_json(snakemake.input.tokens)
    recipes = read_json(snakemake.input.patches)
    members = [Intervention.from_dict(member) for member in snakemake.params.members]
    work = [
        (prompt, seed)
        for prompt in range(len(settings["prompts"]))
        for seed in settings["sample_seeds"]
    ]
    rows = []
    what = f"generate {snakemake.wildcards.backend}"
    for member, recipe in progress(list(zip(members, recipes, strict=True)), what):
        streams = [
            native_stream(backend["device"], seed, settings["prompts"][prompt])
            for prompt, seed in work
        ]
        with patcher.applied(recipe):
            continuations = generate(
                model,
                [tokens["prompts"][prompt] for prompt, _ in work],
                streams,
                settings,
                tokens["end"],
                backend["batch"],
                backend["cache"],
            )
        for (prompt, seed), continuation in zip(work, continuations, strict=True):
            new = continuation.tokens
            row = {"prompt": prompt, "sample_seed": seed, "tokens": new}
            row |= {"margins": continuation.margins, "ended": continuation.ended}
            row["text"] = tokenizer.decode(new[:-1] if continuation.ended else new)
            rows.append(member.keys() | row)
    tables.write(snakemake.output.texts, rows, tables.TEXTS)
    write_json(snakemake.output.provenance, record(backend))
