"""Rule plot_claims: see rules/claims.smk."""

from needq.backup import tasks as probes
from needq.common import tables
from needq.common.logs import job
from needq.figures import claims as claims_figures
from needq.figures import theme

with job(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    table = tables.read_table(given.degradation)
    table = table[table["backend"] == params.reference]
    phases = tables.read_table(given.phases)
    chances = probes.chances(given.probes)
    article = table[table["sweep"] == params.roles["q"]]
    single = table[table["sweep"] == params.roles.get("single")]
    drawn = {
        "phases": claims_figures.draw_half_points(article, phases, chances, params.cuda),
        "comparisons": claims_figures.draw_comparisons(table, params.roles, params.cuda),
        "single": claims_figures.draw_single_blocks(single, params.cuda),
    }
    theme.save_all(drawn, snakemake.output)
