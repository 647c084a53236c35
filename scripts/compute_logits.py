"""Rule compute_logits: see rules/score.smk."""

from needq.common import tables
from needq.common.files import read_json, temporary
from needq.common.settings import Backend
from needq.inference.session import session
from safetensors.numpy import save_file

files, params = snakemake.input, snakemake.params
backend, chosen = Backend(**params.backend), {"noise_seeds": params.noise_seeds}

with session(
    backend, files.weights, snakemake.log[0], files.noise, [files.patches], **chosen
) as work:
    from needq.inference.score import reference_logits

    logits = reference_logits(
        work.model,
        work.patcher,
        work.patches,
        tables.read_rows(files.reference),
        read_json(files.tokens)["prompts"],
        params.positions,
        backend.batch,
    )
    with temporary(snakemake.output.logits) as partial:
        save_file(logits, partial)
