"""Replacement methods compared: what replaces W_Q, and what damage that does."""

from collections.abc import Mapping

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.metrics.claim_tests import FIFTH, METHODS_CLAIM, Test, damage_ratio
from needq.metrics.claims import paired
from needq.plan.comparisons import METHODS


def replacement_methods_table(evaluation: DataFrame, sweeps: Mapping[str, str]) -> DataFrame:
    """`replacement_methods.tsv`: the damage by other methods, divided by that by Gaussian noise.

    `sweeps` names the sweep of each comparison; q is that of Gaussian noise. Each method is
    compared with it at the steps that both sweeps have. A method without noise has one seed. The
    verdict is supported if the ratio is between 4/5 and 5/4, and refuted if it is outside.
    """
    rows = []
    for method in [kind for kind in METHODS.values() if kind in sweeps]:
        both = paired(evaluation, {"q": sweeps["q"], method: sweeps[method]})
        gaussian, table = both["q"], both[method]
        table = numpy.broadcast_to(table, gaussian.shape)
        name = f"damage by {method} / damage by Gaussian noise; 4/5 to 5/4"
        ratio = damage_ratio(table, gaussian)
        row = Test(METHODS_CLAIM, name, ratio, 1 - FIFTH, 1 / (1 - FIFTH), len(gaussian)).row()
        rows.append({"method": method, "ratio": row["estimate"]})
        rows[-1] |= {key: row[key] for key in ("low", "high", "verdict")}
    return DataFrame(rows, columns=list(columns.REPLACEMENT_METHODS))
