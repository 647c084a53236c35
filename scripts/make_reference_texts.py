"""Rule make_reference_texts: see rules/labels.smk."""

from needq.backup.architectures import find_architecture
from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.common.rows import Tokens
from needq.common.settings import Generation
from needq.inference.session import session
from needq.metrics.calibration import make_reference_texts, with_scores
from needq.metrics.graded_texts import with_graded_texts

files, params = snakemake.input, snakemake.params
backend, settings = Backend(**params.backend), Generation.model_validate_json(params.generation)

with session(backend, files.weights, snakemake.log[0]) as work:
    from needq.inference.generate import pristine_texts
    from needq.inference.score import token_nlls

    own = pristine_texts(
        work.model, read_made(files.tokens, Tokens), settings, backend, params.texts_per_prompt
    )
    vocabulary = find_architecture(read_made(files.config, dict)).vocabulary
    texts = with_graded_texts(make_reference_texts(own, vocabulary), own)
    if not work.model.exact:
        from needq.inference.fused import fuse

        fuse(work.model)
    continued = [(own[text.source][0], text.tokens) for text in texts.itertuples()]
    nlls = token_nlls(work.model, continued, backend.batch)
    prompts = len(settings.prompts)
    rows = with_scores(texts, [values.tolist() for values in nlls], prompts)
    tables.write_rows(snakemake.output.texts, rows, schemas.REFERENCE_TEXTS)
