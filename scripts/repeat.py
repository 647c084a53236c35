"""Rule repeat: see rules/repeat.smk."""

from needq.backup.tokens import decode_texts
from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made, write_json
from needq.common.rows import Tokens
from needq.common.settings import Generation
from needq.common.tensors import write_tensors
from needq.inference.session import session

files, params, made = snakemake.input, snakemake.params, snakemake.output
backend, settings = Backend(**params.backend), Generation.model_validate_json(params.generation)
chosen = {"noise_seeds": params.noise_seeds}

with session(
    backend, files.weights, snakemake.log[0], files.noise, [files.patches], **chosen
) as work:
    from needq.inference.generate import generate_all
    from needq.inference.score import reference_logits

    work.fuse()
    patched = (work.model, work.patcher, work.patches)
    tokens = read_made(files.tokens, Tokens)
    texts = generate_all(*patched, tokens, settings, backend)
    reference = tables.read_rows(files.reference)
    logits = reference_logits(*patched, reference, tokens["prompts"], params.positions, backend)
    decode_texts(texts, files.tokenizer)
    rows = [{"backend": snakemake.wildcards.backend} | text for text in texts]
    tables.write_rows(made.texts, rows, schemas.TEXTS)
    write_json(made.provenance, work.record())
    write_tensors(made.logits, logits)
