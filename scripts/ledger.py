"""Rule ledger: see rules/ledger.smk."""

from pathlib import Path

import pandas
from needq import columns, metrics, tables
from needq.job import job
from needq.ledger import Trace, parted
from safetensors.numpy import load_file

with job(snakemake.log[0]):
    # ledger/LEFT-RIGHT/SIDE/PROCESS.parquet, and its logits beside it
    traces = {
        Path(texts).parts[-3:-1] + (Path(texts).stem,): Trace(tables.read(texts), load_file(logits))
        for texts, logits in zip(snakemake.input.texts, snakemake.input.logits, strict=True)
    }
    backends = snakemake.params.backends
    rows = []
    for left, right in snakemake.params.pairs:
        sides = {
            (side, process): traces[f"{left}-{right}", side, process]
            for side in ("left", "right")
            for process in ("first", "second")
        }
        rows += parted((left, right), (backends[left], backends[right]), sides)
    texts = pandas.DataFrame(rows)[list(columns.LEDGER_TEXTS)]
    texts["noise_seed"] = texts["noise_seed"].astype("Int64")
    texts["first_divergent_token"] = texts["first_divergent_token"].astype("Int64")
    metrics.write_table(snakemake.output.texts, texts)
    metrics.write_table(snakemake.output.table, metrics.ledger(texts), metrics.MEASURED)
