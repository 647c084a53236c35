"""A table of healing of known shape, for figures and pages."""

import pandas

STEPS = (0, 1, 2, 4, 8)
SETS = {"query_biases": 0.1, "keys": 0.5, "keys_values_outputs": 0.75, "norms": 0.3}


def healing_table(counts=(6, 12), sets=SETS):
    """As `metrics.healing.healing_table` gives it; damage is 2 nats with all blocks replaced."""
    rows = []
    for parameters, share in sets.items():
        for count in (0, *counts):
            for step in STEPS:
                rows.append(_row(parameters, share, count, step))
    return pandas.DataFrame(rows)


def _row(parameters, share, count, step):
    part, damage = step / STEPS[-1], count / 6
    row = {"parameters": parameters, "blocks_replaced": count, "step": step}
    row |= _with_ends("rise", damage * (1 - share * part) + 0.01 * part)
    if count:
        row |= _with_ends("rise_over_control", damage * (1 - share * part))
        row |= _with_ends("recovered", share * part)
        row |= _with_ends("recovered_absolute", share * part - 0.01)
    return row | {"noise_seeds": 5 if count else 0, "documents": 40}


def _with_ends(name, value):
    return {name: value, f"{name}_low": value - 0.02, f"{name}_high": value + 0.02}
