"""Rule decide_claims: see rules/claims.smk."""

from needq.backup.tasks import chances
from needq.common import tables
from needq.common.logs import job
from needq.metrics.claims import claims_table
from needq.metrics.half_points import half_points_table
from needq.metrics.replacement_methods import replacement_methods_table

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    evaluation = tables.read_frame(files.evaluation)
    texts = tables.read_frame([files.labels])
    answers = dict(iter(tables.read_frame(files.answers).groupby("task")))
    guessing = chances(files.tasks)
    compared = params.comparisons
    written = {
        "claims": claims_table(compared, params.n_blocks, evaluation, texts, answers, guessing),
        "methods": replacement_methods_table(evaluation, compared),
        "half_points": half_points_table(answers, compared["q"], guessing),
    }
    for name, table in written.items():
        tables.write_table(snakemake.output[name], table, tables.MEASURED)
