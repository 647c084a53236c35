"""Rule summarise_tasks: see rules/tasks.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.metrics.task_summary import tasks_table

with job(snakemake.log[0]):
    answers = tables.read_by_backend(snakemake.input.answers, snakemake.params.backends)
    tables.write_table(snakemake.output.table, tasks_table(answers), tables.MEASURED)
