"""Replacement methods compared: what replaces W_Q, and what damage that does."""

from collections.abc import Mapping

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import TOO_SMALL
from needq.metrics import holm, statistics
from needq.metrics.claim_tests import KEPT, damage_ratio
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
        both, _ = paired(evaluation, {"q": sweeps["q"], method: sweeps[method]})
        gaussian, table = both["q"], both[method]
        table = numpy.broadcast_to(table, gaussian.shape)
        ratio = damage_ratio(table, gaussian)(statistics.LEVEL)
        row: dict[str, object] = {"method": method, "ratio": float(ratio.mean)}
        if len(gaussian) < statistics.ENOUGH_SEEDS:
            row |= {"low": TOO_SMALL, "high": TOO_SMALL, "verdict": holm.UNDECIDED}
        else:
            verdict = holm.verdict(ratio, KEPT, 1 / KEPT)
            row |= {"low": float(ratio.low), "high": float(ratio.high), "verdict": verdict}
        rows.append(row)
    return DataFrame(rows, columns=list(columns.REPLACEMENT_METHODS))
