"""Rule generate: see rules/generate.smk."""

from needq.backup.tokens import decode_texts
from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made, write_json
from needq.common.rows import Tokens
from needq.common.settings import Generation
from needq.inference.session import session

files, params = snakemake.input, snakemake.params
backend, settings = Backend(**params.backend), Generation.model_validate_json(params.generation)

with session(backend, files.weights, snakemake.log[0], files.noise, [files.patches]) as work:
    from needq.inference.generate import generate_all

    work.fuse()
    tokens = read_made(files.tokens, Tokens)
    texts = generate_all(work.model, work.patcher, work.patches, tokens, settings, backend)
    decode_texts(texts, files.tokenizer)
    rows = [{"backend": snakemake.wildcards.backend} | text for text in texts]
    tables.write_rows(snakemake.output.texts, rows, schemas.TEXTS)
    write_json(snakemake.output.provenance, work.record())
