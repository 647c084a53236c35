# Do we really need Q? backup -> corrupt -> generate and score -> diff -> metrics -> figures -> report
# INPUTS   config.yaml, or an overlay of it (--configfile configs/NAME.yaml)
# OUTPUTS  results/RUN/, and nothing elsewhere
from snakemake.utils import min_version

min_version("9.27")


include: "rules/config.smk"
include: "rules/common.smk"
include: "rules/backup.smk"
include: "rules/corrupt.smk"
include: "rules/generate.smk"
include: "rules/tasks.smk"
include: "rules/score.smk"
include: "rules/baselines.smk"
include: "rules/repeat.smk"
include: "rules/labels.smk"
include: "rules/degradation.smk"
include: "rules/units.smk"
include: "rules/doses.smk"
include: "rules/mlp.smk"
include: "rules/attention.smk"
include: "rules/probes.smk"
include: "rules/subsets.smk"
include: "rules/divergence.smk"
include: "rules/flips.smk"
include: "rules/corners.smk"
include: "rules/ledger.smk"
include: "rules/claims.smk"
include: "rules/healing.smk"
include: "rules/provenance.smk"
include: "rules/targets.smk"
include: "rules/report.smk"
include: "rules/first_page.smk"
include: "rules/notebooks.smk"


report: "report/workflow.rst"


onstart:
    look_when_a_job_ends()


onerror:
    repeat_errors()


onsuccess:
    print_result()


# the backup alone may need the network, which compute nodes often lack
localrules:
    all,
    back_up,


rule all:
    """Everything that the report shows; then `snakemake --report FILE` writes it."""
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.pages.input,
        rules.notebooks.input,
        rules.write_index.output,
        rules.collect_digests.output if USED.digested else [],
