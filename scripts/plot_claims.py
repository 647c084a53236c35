"""Rule plot_claims: see rules/claims.smk."""

from needq.backup.tasks import chances
from needq.common import published
from needq.common.logs import job
from needq.figures import claims, theme

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    compared, cuda = params.comparisons, params.cuda
    table = published.read_table(files.degradation)
    table = table[table["backend"] == params.reference]
    article = table[table["sweep"] == compared["q"]]
    single = table[table["sweep"] == compared.get("single")]
    half_points, guessing = published.read_table(files.half_points), chances(files.tasks)
    drawn = {
        "half_points": claims.draw_half_points(article, half_points, guessing, cuda),
        "comparisons": claims.draw_comparisons(table, compared, cuda),
        "single": claims.draw_single_blocks(single, cuda),
    }
    theme.save_all(drawn, snakemake.output)
