"""The table of probes: what can be read from each layer's residual stream, with intervals.

Accuracy and R2 are quotients of sums over documents. So each document's value is its part of the
quotient, made linear (Cochran 1977, section 6.4), and the mean of these values is the quotient.
"""

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import INTERVENTION
from needq.common.probes import ACCURACY, POSITION, PROPERTIES, R2
from needq.metrics.estimates import as_columns, first_values
from needq.metrics.statistics import Estimate, mean_of_crossed, mean_of_items

KEYS = [name for name in INTERVENTION if name != "block"]


def probes_table(items: DataFrame, rows: DataFrame) -> DataFrame:
    """`probes.tsv`: a row per property, layer and intervention, the pristine model first.

    `items` has the columns of schemas.PROBE_ITEMS, `rows` those of schemas.PROBES.
    """
    found = []
    for name in PROPERTIES:
        own = items[items["property"] == name]
        if len(own):
            found += list(_property(own, rows[rows["property"] == name]))
    return DataFrame(found, columns=list(columns.PROBES))


def _property(items: DataFrame, rows: DataFrame) -> Iterator[dict[str, object]]:
    """The rows of one property."""
    name = items["property"].iloc[0]
    regression = name == POSITION
    about = {"property": name, "measure": R2 if regression else ACCURACY}
    about |= {"items": len(items), "documents": items["document"].nunique()}
    for column, of in (("majority", "target"), ("control_majority", "control")):
        shares = items[of].value_counts(normalize=True)
        about[column] = 0.0 if regression else float(shares.max())
    about["classes"] = None if regression else items["target"].nunique()
    limits = (-np.inf if regression else 0.0, 1.0)
    pristine = dict(iter(rows[rows["blocks_replaced"] == 0].groupby("layer")))
    for (_, _, layer), part in rows.groupby(["blocks_replaced", "intervention", "layer"]):
        seeds = int(part["noise_seed"].nunique())
        row = about | first_values(part, KEYS) | {"layer": layer, "noise_seeds": seeds}
        score, control = cells(part, "score"), cells(part, "control")
        row |= as_columns("score", mean(score).clipped(*limits))
        row |= as_columns("control", mean(control).clipped(*limits))
        row |= as_columns("selectivity", mean(score - control))
        if part["blocks_replaced"].iloc[0]:
            row |= as_columns("change", mean(score - cells(pristine[layer], "score")))
        yield row


def cells(rows: DataFrame, column: str) -> np.ndarray:
    """The value of each noise seed and document (seeds, documents); one row without noise.

    Their mean is the sum of `column` divided by the sum of COLUMN_of, of each seed.
    """
    keys = [rows["noise_seed"].fillna(-1), rows["document"]]
    part, whole = (
        rows.groupby(keys)[name].sum().unstack("document").to_numpy(float)
        for name in (column, f"{column}_of")
    )
    quotient = part.sum(1, keepdims=True) / whole.sum(1, keepdims=True)
    return quotient + (part - quotient * whole) / whole.mean(1, keepdims=True)


def mean(values: np.ndarray) -> Estimate:
    """The mean over noise seeds and documents, with its interval; over documents if one seed."""
    return mean_of_items(values[0]) if len(values) == 1 else mean_of_crossed(values)
