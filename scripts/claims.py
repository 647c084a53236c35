"""Rule claims: see rules/claims.smk."""

from needq.backup import tasks as probes
from needq.common.logs import job
from needq.metrics import claims
from needq.metrics import degradation as metrics
from needq.metrics import half_points as phases

with job(snakemake.log[0]):
    given, roles = snakemake.input, snakemake.params.roles
    evaluation = metrics.read_chunks(given.evaluation)
    texts = metrics.read_chunks([given.labels])
    answers = metrics.read_chunks(given.answers)
    answers = {name: rows for name, rows in answers.groupby("probe")}
    chances = probes.chances(given.probes)
    cells = {
        name: phases.cells(rows[rows["sweep"] == roles["q"]], "right", "item")
        for name, rows in answers.items()
    }
    blocks = cells["cloze"][1]
    curves = {name: table for name, (table, _) in cells.items()}
    written = {
        "claims": claims.all_claims(
            roles, snakemake.params.blocks, evaluation, texts, answers, chances
        ),
        "ladder": claims.ladder(evaluation, roles),
        "phases": phases.table(blocks, curves, chances),
    }
    for name, table in written.items():
        metrics.write_table(snakemake.output[name], table, metrics.MEASURED)
