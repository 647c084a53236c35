"""Rule select_items: see rules/tasks.smk."""

from needq.backup.tasks import read_answers, read_tasks
from needq.common import tables
from needq.common.backends import Backend
from needq.common.files import write_json
from needq.common.settings import Tasks
from needq.inference.session import session
from needq.metrics.selected_items import asked_tasks, items_table

files, params = snakemake.input, snakemake.params
backend, settings = Backend(**params.backend), Tasks.model_validate_json(params.tasks)

with session(backend, files.weights, snakemake.log[0]) as work:
    from needq.inference.task_accuracy import answer_task

    work.fuse()
    tasks = read_tasks(files.tasks)
    pristine = {name: answer_task(work.model, task, backend.batch) for name, task in tasks.items()}
    ngrams = read_answers(files.ngrams) if files.ngrams else None
    items = items_table(tasks, pristine, ngrams, settings.pairs, settings.passages)
    asked = asked_tasks(tasks, items)
    tables.write_table(snakemake.output.table, items, tables.MEASURED)
    write_json(snakemake.output.asked, {name: task.to_dict() for name, task in asked.items()})
