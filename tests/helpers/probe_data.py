"""A made-up table of probes."""

import itertools

import pandas
from needq.common import columns
from needq.common.probes import POSITION, PROPERTIES


def probes(layers=4, counts=(0, 1, 12), properties=PROPERTIES):
    """`probes.tsv`: of the last name and the previous token most is lost with 12 blocks."""
    rows = []
    for name, count, layer in itertools.product(properties, counts, range(layers)):
        position = name == POSITION
        first = 0.9 if position else 0.3
        gained = 0.0 if position else 0.2 * layer
        score = first + gained * (0.25 if count == 12 and name in PROPERTIES[:2] else 1)
        row = {"property": name, "measure": "R2" if position else "accuracy", "sweep": "cumulative"}
        row |= {"intervention": f"q/cumulative/{count:02d}", "blocks_replaced": count}
        row |= {"layer": layer, "classes": None if position else 5, "items": 4000}
        row |= {"documents": 100, "noise_seeds": 5 if count else 0}
        row |= {"majority": 0.0 if position else 0.2, "control_majority": 0.0 if position else 0.25}
        for column, value in (("score", score), ("control", 0.5), ("selectivity", score - 0.5)):
            row |= {column: value, f"{column}_low": value - 0.02, f"{column}_high": value + 0.02}
        if count:
            row["change"] = score - first - gained
        rows.append(row)
    return pandas.DataFrame(rows, columns=list(columns.PROBES))
