"""Rule flips: see rules/ladder.smk."""

import pandas
from needq.common import columns
from needq.common.logs import job
from needq.divergence import flips
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):
    texts = metrics.read_chunks(snakemake.input.texts)
    divergence = metrics.read_chunks(snakemake.input.diffs)
    pairs = divergence.groupby(flips.PAIR, sort=False)
    found = [flips.flip_law(texts, part, snakemake.params.generation) for _, part in pairs]
    table, places = (pandas.concat(parts) for parts in zip(*found, strict=True))
    table, places = table[list(columns.FLIPS)], places[list(columns.FLIP_PLACES)]
    metrics.write_table(snakemake.output.table, table, metrics.MEASURED)
    metrics.write_table(snakemake.output.places, places, metrics.MEASURED)
