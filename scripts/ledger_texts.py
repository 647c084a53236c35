"""Rule ledger_texts: see rules/ledger.smk."""

from itertools import product

from needq.common import schemas, tables
from needq.common.logs import job
from needq.divergence.ledger import Trace, texts_of_steps
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    traces = {
        (side, process): Trace(
            tables.read_rows(snakemake.input[f"{side}_{process}"]),
            load_file(snakemake.input[f"{side}_{process}_logits"]),
        )
        for side, process in product(("left", "right"), ("first", "second"))
    }
    names = (snakemake.wildcards.left, snakemake.wildcards.right)
    rows = texts_of_steps(names, snakemake.params.pair, traces)
    tables.write_rows(snakemake.output.texts, list(rows), schemas.LEDGER)
