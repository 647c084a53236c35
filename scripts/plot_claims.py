"""Rule plot_claims: see rules/claims.smk."""

from needq.backup.tasks import chances
from needq.common import published
from needq.common.logs import job
from needq.figures import claims, comparisons, theme

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    compared, cuda = params.comparisons, params.cuda
    degradation, tasks, labels = (
        table[table["backend"] == params.reference]
        for table in map(published.read_table, (files.degradation, files.answers, files.labels))
    )
    article = tasks[tasks["sweep"] == compared["q"]]
    own = compared.get("single")
    single = [table[table["sweep"] == own] for table in (degradation, tasks, labels)]
    half_points, guessing = published.read_table(files.half_points), chances(files.tasks)
    drawn = {
        "half_points": claims.draw_half_points(article, half_points, guessing, cuda),
        "comparisons": comparisons.draw_comparisons(degradation, compared, cuda),
        "single": claims.draw_single_blocks(*single, cuda),
    }
    theme.save_all(drawn, snakemake.output)
