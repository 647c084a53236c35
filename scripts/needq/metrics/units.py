"""The tables of units: which heads, groups of dimensions or blocks a model can least do without."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy
from pandas import DataFrame

from needq.common import unit_columns
from needq.common.unit_columns import NOT_RELIABLE, RELIABLE, SPARE, TOO_FEW, WEAK
from needq.common.units import Unit
from needq.metrics import statistics
from needq.metrics.estimates import as_columns
from needq.metrics.holm import UNDECIDED
from needq.metrics.reliability import concordance, concordance_p, rank_shares, ranks, split_half
from needq.metrics.rises import mean_rise, sweep_rises

TENTH = 10
LIKE = 0.7  # split-half reliability, from which groups may be compared (Nunnally 1978)
SIGNIFICANT, STABLE = 0.05, 0.95


def units_tables(evaluation: DataFrame, units: Sequence[Unit]) -> tuple[DataFrame, DataFrame]:
    """`units.tsv`, the unit with the largest rise of each sweep first, and `unit_reliability.tsv`.

    `evaluation` has `document` and `nll` of one backend, with the columns of an intervention.
    """
    rows: list[dict[str, object]] = []
    sweeps: list[dict[str, object]] = []
    for _, group in groupby(units, lambda unit: unit["sweep"]):
        own = list(group)
        ranked, reliability = _rank(own, sweep_rises(evaluation, own[0]["sweep"]))
        rows += ranked
        sweeps.append(reliability)
    places = {name: "Int64" for name in ("block", "head", "group")}
    return (
        DataFrame(rows, columns=list(unit_columns.UNITS)).astype(places),
        DataFrame(sweeps, columns=list(unit_columns.UNIT_RELIABILITY)),
    )


def _rank(
    units: Sequence[Unit], by_name: Mapping[str, numpy.ndarray]
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """The rows of a sweep's units by rank, and its row of `unit_reliability.tsv`."""
    rises = numpy.stack([by_name[unit["intervention"]] for unit in units], axis=2)
    seeds, documents = rises.shape[:2]
    k = max(1, round(len(units) / TENTH))
    counts = {"noise_seeds": seeds if units[0]["noise"] else 0, "documents": documents}
    (w, _), p = concordance(rises.mean(1)), concordance_p(rises)
    # one seed of noise says nothing of other noise
    halves = numpy.nan if units[0]["noise"] and seeds == 1 else split_half(rises)
    verdict = _verdict(halves, p, counts["noise_seeds"])
    own, shares = ranks(rises.mean((0, 1))), rank_shares(rises, k)
    rows: list[dict[str, object]] = []
    for at, unit in enumerate(units):
        rise = mean_rise(rises[:, :, at], unit["noise"])
        row: dict[str, object] = {**unit, **as_columns("rise", rise), **counts}
        row |= {"rank": own[at], "rank_low": shares.low[at], "rank_high": shares.high[at]}
        row |= {"top": shares.top[at], "bottom": shares.bottom[at], "verdict": UNDECIDED}
        if verdict == RELIABLE and shares.bottom[at] >= STABLE:
            row["verdict"] = SPARE
        if verdict == RELIABLE and shares.top[at] >= STABLE and rise.low > 0:
            row["verdict"] = WEAK
        rows.append(row)
    rows.sort(key=lambda row: float(str(row["rank"])))
    reliability: dict[str, object] = {
        "sweep": units[0]["sweep"],
        "matrix": units[0]["matrix"],
        "steps": units[0]["steps"],
        "units": len(units),
        "split_half": halves,
        "concordance": w,
        "p": p,
        "k": k,
        "weak_points": sum(row["verdict"] == WEAK for row in rows),
        "verdict": verdict,
        **counts,
    }
    return rows, reliability


def _verdict(halves: float, p: float, noise_seeds: int) -> str:
    """Whether a ranking is reliable; without noise, by documents alone."""
    if 0 < noise_seeds < statistics.ENOUGH_SEEDS:
        return TOO_FEW
    alike = halves >= LIKE  # False for NaN
    return RELIABLE if alike and (not noise_seeds or p <= SIGNIFICANT) else NOT_RELIABLE
