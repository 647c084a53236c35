"""Rule select_items: see rules/tasks.smk."""

from needq.backup.tasks import read_tasks
from needq.common import tables
from needq.common.backends import Backend
from needq.common.files import read_made, write_json
from needq.common.rows import Manifest, Tokens
from needq.common.settings import Evaluation, Tasks
from needq.inference.session import session
from needq.metrics.baselines import train
from needq.metrics.selected_items import asked_tasks, items_table, ngram_answers

files, params = snakemake.input, snakemake.params
backend = Backend(**params.backend)
evaluation = Evaluation.model_validate_json(params.evaluation)
settings = Tasks.model_validate_json(params.tasks)

with session(backend, files.weights, snakemake.log[0]) as work:
    from needq.inference.task_accuracy import answer_task

    tasks = read_tasks(files.tasks)
    pristine = {name: answer_task(work.model, task, backend.batch) for name, task in tasks.items()}
    ngrams = None
    if evaluation.ngram_text is not None:
        vocabulary = read_made(files.manifest, Manifest)["vocabulary"]
        end = read_made(files.tokens, Tokens)["end"]
        model = train(files.tokenizer, vocabulary, evaluation, end)
        ngrams = {name: ngram_answers(model, task) for name, task in tasks.items()}
    items = items_table(tasks, pristine, ngrams, settings.pairs, settings.passages)
    asked = asked_tasks(tasks, items)
    tables.write_table(snakemake.output.items, items, tables.MEASURED)
    write_json(snakemake.output.asked, {name: task.to_dict() for name, task in asked.items()})
