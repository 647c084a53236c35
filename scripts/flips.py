"""Rule flips: see rules/ladder.smk."""

import pandas
from needq.common import columns, tables
from needq.common.logs import job
from needq.divergence import flips

with job(snakemake.log[0]):
    texts = tables.read_frame(snakemake.input.texts)
    divergence = tables.read_frame(snakemake.input.diffs)
    pairs = divergence.groupby(flips.PAIR, sort=False)
    found = [flips.flips_tables(texts, part, snakemake.params.generation) for _, part in pairs]
    table, places = (pandas.concat(parts) for parts in zip(*found, strict=True))
    table, places = table[list(columns.FLIPS)], places[list(columns.FLIP_PLACES)]
    tables.write_table(snakemake.output.table, table, tables.MEASURED)
    tables.write_table(snakemake.output.places, places, tables.MEASURED)
