"""Rule score_ngrams: see rules/baselines.smk."""

from needq.common import schemas, tables
from needq.common.files import read_made
from needq.common.logs import job
from needq.common.rows import Manifest, Tokens
from needq.common.settings import Evaluation
from needq.metrics.ngram_scores import ngram_rows, train

with job(snakemake.log[0]):
    files = snakemake.input
    evaluation = Evaluation.model_validate_json(snakemake.params.evaluation)
    tokens = read_made(files.tokens, Tokens)
    vocabulary = read_made(files.manifest, Manifest)["vocabulary"]
    model = train(files.tokenizer, vocabulary, evaluation, tokens["end"])
    tables.write_rows(snakemake.output.ngrams, ngram_rows(model, tokens), schemas.NGRAMS)
