"""Rule record_provenance: see rules/provenance.smk."""

import json

from needq.common.files import file_sha256, read_made, write_json
from needq.common.logs import job
from needq.common.rows import Manifest, ProcessRecord
from needq.provenance.record import join_records

with job(snakemake.log[0]):
    processes = [read_made(file, ProcessRecord) for file in snakemake.input.processes]
    record = join_records(
        json.loads(snakemake.params.config),
        snakemake.params.cuda,
        read_made(snakemake.input.manifest, Manifest),
        file_sha256(snakemake.input.text),
        processes,
    )
    write_json(snakemake.output.provenance, record)
