"""Rule collect_digests: see rules/verify.smk."""

import json

from needq.common import tables
from needq.common.files import read_made, write_json
from needq.common.logs import job
from needq.common.rows import Manifest
from needq.corrupt.patches import stored_noise
from needq.provenance.digests import collect

with job(snakemake.log[0]):
    files = snakemake.input
    digests = collect(
        json.loads(snakemake.params.deciding),
        read_made(files.manifest, Manifest),
        stored_noise(files.noise),
        [row for file in files.evaluation for row in tables.read_rows(file)],
        [row for file in files.texts for row in tables.read_rows(file)],
        snakemake.params.backends,
    )
    write_json(snakemake.output.digests, digests)
