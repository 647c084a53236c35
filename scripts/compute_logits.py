"""Rule compute_logits: see rules/score.smk."""

from needq.common import tables
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.common.rows import Tokens
from needq.common.tensors import write_tensors
from needq.inference.session import session

files, params = snakemake.input, snakemake.params
backend = Backend(**params.backend)

with session(backend, files.weights, snakemake.log[0], files.noise, [files.patches]) as work:
    from needq.inference.score import reference_logits

    work.fuse()
    logits = reference_logits(
        work.model,
        work.patcher,
        work.patches,
        tables.read_rows(files.reference),
        read_made(files.tokens, Tokens)["prompts"],
        params.positions,
        backend,
    )
    write_tensors(snakemake.output.logits, logits)
