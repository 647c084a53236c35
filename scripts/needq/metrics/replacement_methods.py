"""Replacement methods compared: what replaces W_Q, and what damage that does."""

from collections.abc import Mapping

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import TOO_SMALL
from needq.metrics import statistics
from needq.metrics.claim_tests import KEPT
from needq.metrics.estimates import as_columns
from needq.metrics.half_points import cells
from needq.metrics.holm import UNDECIDED, inside
from needq.metrics.statistics import Estimate
from needq.plan.comparisons import METHODS

ALIKE, MORE, LESS = "within a fifth", "more damage", "less damage"
GAUSSIAN = ("gaussian", "keep")
BIAS = {"keep": "kept", "replace": "replaced"}


def replacement_methods_table(evaluation: DataFrame, sweeps: Mapping[str, str]) -> DataFrame:
    """`replacement_methods.tsv`: the damage by each method, and divided by that by Gaussian noise.

    `evaluation` has `document` and `nll` of one backend, with the columns of an intervention.
    `sweeps` names the sweep of each comparison; q is that of Gaussian noise. A method is compared
    with it where both replace most blocks, and about half as many. A method without noise has one
    seed.
    """
    rows = []
    kinds = {"q": GAUSSIAN} | {kind: own for kind, own in METHODS.items() if kind in sweeps}
    steps = {kind: _rises(evaluation, sweeps[kind]) for kind in kinds} if len(kinds) > 1 else {}
    for kind, rises in steps.items():
        common = rises.keys() & steps["q"].keys()
        most = max(common)
        half = min(sorted(common), key=lambda count: abs(count - most / 2))
        for count in sorted({half, most}):
            method, bias = kinds[kind]
            row = {"method": method, "bias": BIAS[bias], "blocks_replaced": count}
            row |= as_columns("rise", _mean(rises[count]))
            rows.append(row | _compare(kind, rises[count], steps["q"][count]))
    return DataFrame(rows, columns=list(columns.REPLACEMENT_METHODS))


def _rises(evaluation: DataFrame, sweep: str) -> dict[int, numpy.ndarray]:
    """The rise of nll over the pristine model (seeds, documents), by blocks replaced."""
    table, blocks = cells(evaluation[evaluation["sweep"] == sweep], "nll", "document")
    counts = blocks.astype(int).tolist()
    return {count: table[:, :, step] - table[:, :, 0] for step, count in enumerate(counts) if count}


def _mean(rise: numpy.ndarray) -> Estimate:
    """The mean rise, over documents alone if there is no noise."""
    crossed = len(rise) > 1
    return statistics.mean_of_crossed(rise) if crossed else statistics.mean_of_items(rise[0])


def _compare(kind: str, rise: numpy.ndarray, gaussian: numpy.ndarray) -> dict[str, object]:
    """The ratio of two rises (seeds, documents), which share their documents and seeds."""
    if kind == "q":
        return {"ratio": 1.0, "low": None, "high": None, "verdict": None}
    both = numpy.stack([numpy.broadcast_to(rise, gaussian.shape), gaussian], axis=2)
    ratio = statistics.function_of_means([both], lambda mean: mean[0] / mean[1])
    row = {"ratio": float(ratio.mean)}
    if len(gaussian) < statistics.ENOUGH_SEEDS:
        return row | {"low": TOO_SMALL, "high": TOO_SMALL, "verdict": UNDECIDED}
    low, high = float(ratio.low), float(ratio.high)
    verdict = UNDECIDED
    if inside(ratio, KEPT, 1 / KEPT):
        verdict = ALIKE
    elif low > 1 or high < 1:
        verdict = MORE if low > 1 else LESS
    return row | {"low": low, "high": high, "verdict": verdict}
