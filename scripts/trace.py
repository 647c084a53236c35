"""Rule trace: see rules/ledger.smk."""

from needq.common import tables
from needq.inference.instructions import choose_instructions

choose_instructions(snakemake.params.backends[0])

from pathlib import Path

from needq.common import schemas
from needq.common.files import read_json, temporary, write_json
from needq.common.logs import job
from needq.inference.backend import load, prepare, record
from needq.inference.generate import generate_all
from needq.inference.patcher import patcher, with_recipes
from needq.inference.score import reference_logits
from needq.plan.interventions import Intervention
from safetensors.numpy import save_file

with job(snakemake.log[0]):
    weights, settings = Path(snakemake.input.weights), snakemake.params.generation
    members = [Intervention.from_dict(member) for member in snakemake.params.members]
    work = with_recipes(members, snakemake.input.patches)
    tokens = read_json(snakemake.input.tokens)
    reference = [row for file in snakemake.input.reference for row in tables.read_rows(file)]
    texts, logits, records = [], {}, []
    for number, backend in enumerate(snakemake.params.backends):
        prepare(backend)
        records.append(record(backend))
        model = load(weights.parent, backend)
        patches = patcher(model, weights, backend, snakemake.input.noise)
        rows = generate_all(model, patches, work, tokens, settings, backend)
        texts += [{"backend_number": number} | row for row in rows]
        positions = snakemake.params.positions
        found = reference_logits(
            model, patches, work, reference, tokens["prompts"], positions, backend["batch"]
        )
        logits |= {f"{number} {key}": values for key, values in found.items()}
    tables.write_rows(snakemake.output.texts, texts, schemas.TRACE)
    write_json(snakemake.output.provenance, records)
    with temporary(snakemake.output.logits) as partial:
        save_file(logits, partial)
