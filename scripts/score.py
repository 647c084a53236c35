"""Rule score: see rules/score.smk."""

from needq.backup.tasks import read_tasks
from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.common.rows import Tokens
from needq.inference.session import session

files, name = snakemake.input, snakemake.wildcards.backend
backend = Backend(**snakemake.params.backend)

with session(backend, files.weights, snakemake.log[0], files.noise, [files.patches]) as work:
    from needq.inference import score
    from needq.inference.task_accuracy import answer_rows

    work.fuse()
    model, patcher, patches, batch = work.model, work.patcher, work.patches, backend.batch
    tokens = read_made(files.tokens, Tokens)
    count = snakemake.params.documents
    documents, n_bytes = tokens["documents"][:count], tokens["bytes"][:count]
    texts = tables.read_rows(files.texts) if files.texts else []
    tasks = read_tasks(files.tasks) if files.tasks else {}

    together = score.documents_together(model, backend, documents)
    scores = score.score_documents(model, patcher, patches, documents, n_bytes, together)
    written = {
        "evaluation": (score.document_rows(patches, scores), schemas.EVALUATION),
        "texts": (
            score.text_rows(model, patches, texts, tokens["prompts"], backend),
            schemas.TEXT_SCORES,
        ),
        "tasks": (answer_rows(model, patcher, patches, tasks, batch), schemas.TASKS),
    }
    for output, (rows, schema) in written.items():
        named = [row | {"backend": name} for row in rows]
        tables.write_rows(snakemake.output[output], named, schema)
