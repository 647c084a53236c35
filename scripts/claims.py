"""Rule claims: see rules/claims.smk."""

from needq.backup import tasks as probes
from needq.common import tables
from needq.common.logs import job
from needq.metrics import claims
from needq.metrics import half_points as phases

with job(snakemake.log[0]):
    given, roles = snakemake.input, snakemake.params.roles
    evaluation = tables.read_frame(given.evaluation)
    texts = tables.read_frame([given.labels])
    answers = tables.read_frame(given.answers)
    answers = {name: rows for name, rows in answers.groupby("probe")}
    chances = probes.chances(given.probes)
    cells = {
        name: phases.cells(rows[rows["sweep"] == roles["q"]], "right", "item")
        for name, rows in answers.items()
    }
    blocks = cells["cloze"][1]
    curves = {name: table for name, (table, _) in cells.items()}
    written = {
        "claims": claims.claims_table(
            roles, snakemake.params.blocks, evaluation, texts, answers, chances
        ),
        "ladder": claims.replacement_methods_table(evaluation, roles),
        "phases": phases.half_points_table(blocks, curves, chances),
    }
    for name, table in written.items():
        tables.write_table(snakemake.output[name], table, tables.MEASURED)
