"""Rule back_up: see rules/backup.smk."""

from pathlib import Path

from needq.backup.model import back_up
from needq.common.logs import job
from needq.common.settings import ModelSource

with job(snakemake.log[0]):
    model = ModelSource.model_validate_json(snakemake.params.model)
    back_up(model, Path(snakemake.output.weights).parent)
