"""Rule score_ngrams: see rules/baselines.smk."""

from needq.backup.tasks import read_tasks
from needq.common import schemas, tables
from needq.common.files import read_made, write_json
from needq.common.logs import job
from needq.common.rows import Manifest, Tokens
from needq.common.settings import Evaluation
from needq.metrics.ngram_scores import ngram_rows, train
from needq.metrics.selected_items import ngram_answers

with job(snakemake.log[0]):
    files = snakemake.input
    evaluation = Evaluation.model_validate_json(snakemake.params.evaluation)
    tokens = read_made(files.tokens, Tokens)
    vocabulary = read_made(files.manifest, Manifest)["vocabulary"]
    model = train(files.tokenizer, vocabulary, evaluation, tokens["end"])
    tables.write_rows(snakemake.output.ngrams, ngram_rows(model, tokens), schemas.NGRAMS)
    answers = {name: ngram_answers(model, task) for name, task in read_tasks(files.tasks).items()}
    write_json(snakemake.output.answers, answers)
