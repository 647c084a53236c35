"""Rule summarise_subsets: see rules/subsets.smk."""

from needq.common import schemas, tables
from needq.common.logs import job
from needq.metrics import subsets

with job(snakemake.log[0]):
    params, output = snakemake.params, snakemake.output
    rows = tables.read_frame(snakemake.input.scores)
    damage = subsets.damage_of(rows, params.n_blocks)
    values = subsets.block_values(damage, params.permutations)
    tables.write_rows(output.by_document, subsets.value_rows(damage, values), schemas.SHAPLEY)
    interactions = subsets.interactions_table(damage)
    written = {
        "shapley": subsets.shapley_table(damage, values),
        "interactions": interactions,
        "sizes": subsets.sizes_table(damage, params.permutations),
        "summary": subsets.summary_table(damage, values, interactions),
    }
    for name, table in written.items():
        tables.write_table(output[name], table, tables.MEASURED)
