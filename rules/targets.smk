# Targets: what a run makes, by kind.
#
# INPUTS   the outputs of the stages
# OUTPUTS  none: `snakemake tables` and `snakemake figures` ask for theirs

TABLES = [
    *rules.summarise_degradation.output,
    rules.select_items.output.table,
    *rules.summarise_tasks.output,
    *(rules.summarise_baselines.output if USED.baselines else []),
    *rules.summarise_divergence.output,
    *rules.measure_attention.output,
    *(rules.summarise_probes.output if CONFIG.probes.run else []),
    *(rules.summarise_subsets.output if CONFIG.subsets.run else []),
    *rules.count_weights.output,
    *(rules.summarise_units.output if UNITS else []),
    *(rules.summarise_doses.output if DOSES else []),
    *(rules.summarise_mlp.output if MLP else []),
    *(rules.label_texts.output[name] for name in ("shares", "axes", "confusion", "quality")),
    *(rules.decide_claims.output if USED.comparisons else []),
    *(rules.predict_flips.output if USED.precision_pairs else []),
    *(rules.summarise_ledger.output if USED.ledger_pairs else []),
    *(rules.summarise_healing.output if HEALED else []),
]


rule tables:
    """Every table."""
    input:
        TABLES,


rule figures:
    """Every figure."""
    input:
        rules.plot_degradation.output,
        rules.show_units.output if UNITS else [],
        rules.show_doses.output if DOSES else [],
        rules.show_mlp.output if MLP else [],
        rules.plot_divergence.output,
        rules.show_attention.output,
        rules.show_probes.output if CONFIG.probes.run else [],
        rules.show_subsets.output if CONFIG.subsets.run else [],
        rules.plot_claims.output if USED.comparisons else [],
        rules.show_flips.output if USED.precision_pairs else [],
        rules.show_ledger.output if USED.ledger_pairs else [],
        rules.show_healing.output if HEALED else [],
