"""Rule compare_corners: see rules/ledger.smk."""

from itertools import product

from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.logs import job
from needq.common.tensors import read_tensors
from needq.divergence.corners import Trace, compare_corners

with job(snakemake.log[0]):
    files, names = snakemake.input, (snakemake.wildcards.left, snakemake.wildcards.right)
    sides = product(("left", "right"), ("first", "second"))
    traces = {
        side: Trace(tables.read_rows(texts), read_tensors(logits))
        for side, texts, logits in zip(sides, files.texts, files.logits, strict=True)
    }
    left, right = (Backend(**settings) for settings in snakemake.params.pair)
    rows = compare_corners(names, (left, right), traces)
    tables.write_rows(snakemake.output.texts, list(rows), schemas.LEDGER)
