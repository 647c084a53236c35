"""Rule draw_batches: see rules/healing.smk."""

from needq.common.files import read_made, write_text
from needq.common.healing import Healing
from needq.common.logs import job
from needq.common.rows import Manifest, Tokens
from needq.common.settings import Evaluation
from needq.metrics.training_rows import batches_text, training_batches

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    batches = training_batches(
        files.tokenizer,
        read_made(files.manifest, Manifest),
        Evaluation.model_validate_json(params.evaluation),
        Healing.model_validate_json(params.healing),
        read_made(files.tokens, Tokens)["end"],
    )
    write_text(snakemake.output.batches, batches_text(batches))
