"""Rule decide_claims: see rules/claims.smk."""

from needq.backup.tasks import chances
from needq.common import published, tables
from needq.common.logs import job
from needq.metrics.attention import lowest_entropy
from needq.metrics.claims import Measured, claims_table
from needq.metrics.factorial import factorial_table
from needq.metrics.half_points import half_points_table
from needq.metrics.replacement_methods import replacement_methods_table
from needq.metrics.subsets import values_of
from needq.plan.comparisons import has_mixtures

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    evaluation, answers = tables.read_frame(files.evaluation), tables.read_frame(files.answers)
    texts, compared = tables.read_frame([files.labels]), params.comparisons
    entropy = lowest_entropy(published.read_table(files.attention))
    kept = (evaluation, texts, answers, params.ngrams, entropy)
    values = values_of(tables.read_frame([files.subsets])) if files.subsets else None
    healed = tables.read_frame(files.healing) if files.healing else None
    measured = Measured(compared, params.n_blocks, *kept, values, healed, params.off)
    written = {
        "claims": claims_table(measured, params.run, params.model),
        "methods": replacement_methods_table(evaluation, compared),
        "half_points": half_points_table(answers, compared["q"], chances(files.tasks)),
    }
    if has_mixtures(compared):
        written["factorial"] = factorial_table(evaluation, compared)
    for name, table in written.items():
        tables.write_table(snakemake.output[name], table, tables.MEASURED)
