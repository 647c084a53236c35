"""Rule walk_through: see rules/notebooks.smk."""

import json
from pathlib import Path

from needq.common.logs import job
from needq.report import notebooks
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    page = Pages(files.templates, **params.page)
    values = {
        "RUN": str(Path(snakemake.output.notebook).parents[1]),
        "TABLES": params.tables,
        "SWEEP": params.sweep,
        "NAMES": json.loads(params.names)["sweeps"],
    }
    values |= {"N_BLOCKS": params.n_blocks, "CUDA": page.cuda}
    notebooks.publish(files.source, values, page, snakemake.output.notebook, snakemake.output.page)
