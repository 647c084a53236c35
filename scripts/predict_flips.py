"""Rule predict_flips: see rules/flips.smk."""

from needq.common import tables
from needq.common.logs import job
from needq.divergence.flips import flips_of_pairs

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    texts, diffs = tables.read_frame(files.texts), tables.read_frame(files.diffs)
    made = flips_of_pairs(texts, diffs, params.temperature, params.max_new_tokens)
    tables.write_table(snakemake.output.table, made.flips, tables.MEASURED)
    tables.write_table(snakemake.output.places, made.places, tables.MEASURED)
    tables.write_table(snakemake.output.margins, made.margins, tables.MEASURED)
