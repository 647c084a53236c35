"""Rule backup: see rules/backup.smk."""

from pathlib import Path

from needq.backup.model import back_up
from needq.common.logs import job

with job(snakemake.log[0]):
    back_up(snakemake.params.model, Path(snakemake.output.weights).parent)
