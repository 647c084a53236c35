"""Rule plot_claims: see rules/claims.smk."""

from needq.backup import tasks as probes
from needq.common.logs import job
from needq.figures import claims as claims_figures
from needq.figures import theme
from needq.metrics import degradation as metrics

with job(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    table = metrics.read_table(given.degradation)
    table = table[table["backend"] == params.reference]
    phases = metrics.read_table(given.phases)
    chances = probes.chances(given.probes)
    article = table[table["sweep"] == params.roles["q"]]
    single = table[table["sweep"] == params.roles.get("single")]
    drawn = {
        "phases": claims_figures.phases(article, phases, chances, params.cuda),
        "comparisons": claims_figures.comparisons(table, params.roles, params.cuda),
        "single": claims_figures.single(single, params.cuda),
    }
    theme.save_all(drawn, snakemake.output)
