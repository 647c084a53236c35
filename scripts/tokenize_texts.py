"""Rule tokenize_texts: see rules/backup.smk."""

from needq.backup.tasks import encode_tasks
from needq.backup.tokens import encode_texts
from needq.common.files import read_made, write_json
from needq.common.logs import job
from needq.common.rows import Manifest
from needq.common.settings import Evaluation, Generation, Tasks

with job(snakemake.log[0]):
    generation = Generation.model_validate_json(snakemake.params.generation)
    evaluation = Evaluation.model_validate_json(snakemake.params.evaluation)
    tasks = Tasks.model_validate_json(snakemake.params.tasks)
    manifest = read_made(snakemake.input.manifest, Manifest)
    model = snakemake.input.tokenizer, manifest["context"], manifest["vocabulary"]

    write_json(snakemake.output.tokens, encode_texts(*model, generation, evaluation))
    write_json(snakemake.output.tasks, encode_tasks(*model, tasks, evaluation.begin))
