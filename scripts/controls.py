"""Rule controls: see rules/labels.smk."""

from needq.common import tables
from needq.inference.instructions import choose_instructions
from needq.metrics import calibration

choose_instructions(snakemake.params.backend)

from pathlib import Path

from needq.backup.architectures import adapter
from needq.common import schemas
from needq.common.files import read_json
from needq.common.logs import job
from needq.inference.backend import load, prepare
from needq.inference.generate import generate
from needq.inference.sampling import Row
from needq.inference.score import token_nlls

with job(snakemake.log[0]):
    backend, backup = snakemake.params.backend, Path(snakemake.input.weights).parent
    prepare(backend)
    model = load(backup, backend)
    tokens = read_json(snakemake.input.tokens)
    vocabulary = adapter(read_json(snakemake.input.config)).vocabulary
    # streams of their own: none of these texts is one of the run's
    rows = [
        Row(ids, f"control {index}", seed, index)
        for seed in range(snakemake.params.texts_per_prompt)
        for index, ids in enumerate(tokens["prompts"])
    ]
    made = generate(model, rows, snakemake.params.generation, tokens["end"], backend)
    own = [(row.ids, one.tokens) for row, one in zip(rows, made, strict=True)]
    controls = calibration.controls(own, vocabulary)
    texts = [(own[one.source][0], one.tokens) for one in controls.itertuples()]
    controls["nlls"] = [nlls.tolist() for nlls in token_nlls(model, texts, backend["batch"])]
    controls["prompt"] = [rows[source].index for source in controls["source"]]
    tables.write_rows(snakemake.output.controls, controls.to_dict("records"), schemas.CONTROLS)
