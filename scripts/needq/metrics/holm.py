"""From intervals to verdicts: p-values of ranges, Holm's correction, and tests of several parts.

A test asks whether a number lies in a range. It is supported if its whole 95% interval does. It is
refuted if the interval lies outside at the level that Holm's correction asks for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy

from needq.metrics.statistics import LEVEL, Estimate

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
CANNOT = "cannot be decided"
SMALLEST, LARGEST = 1e-12, 1 - 1e-6  # of the p-values that are told apart

At = Callable[[float], Estimate]  # the estimate with its interval at a level, for example 0.95


@dataclass(frozen=True)
class Outcome:
    """What a test came to. `why` says why it cannot be decided, and is empty if it can."""

    claim: str
    test: str
    estimate: Estimate
    p: float = 1.0
    inside: bool = False
    why: str = ""


def outside(estimate: Estimate, above: float, below: float) -> bool:
    """Whether the whole interval lies outside the range from `above` to `below`."""
    return bool(estimate.low >= below or estimate.high <= above)


def inside(estimate: Estimate, above: float, below: float) -> bool:
    """Whether the whole interval lies inside the range from `above` to `below`."""
    return bool(estimate.low > above and estimate.high < below)


def verdict(estimate: Estimate, above: float, below: float) -> str:
    """The verdict of a test that is not corrected for others."""
    if inside(estimate, above, below):
        return SUPPORTED
    return REFUTED if outside(estimate, above, below) else UNDECIDED


def p_value(at: At, above: float, below: float) -> float:
    """1 minus the highest level at which the interval lies outside the range.

    So it is at most 0.05 exactly if the 95% interval lies outside. 1 if the estimate lies in the
    range or has no interval.
    """
    low, high = SMALLEST, LARGEST
    if not outside(at(1 - high), above, below):
        return 1.0
    if outside(at(1 - low), above, below):
        return SMALLEST
    while high / low > 1 + 1e-9:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if outside(at(1 - middle), above, below) else (middle, high)
    return high


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) corrected p-values, in the given order.

    "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(numpy.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def in_range(claim: str, test: str, at: At, above: float, below: float) -> Outcome:
    """The test that a number lies in a range."""
    found = at(LEVEL)
    return Outcome(claim, test, found, p_value(at, above, below), inside(found, above, below))


def each_in_range(
    claim: str, what: str, parts: Mapping[str, At], span: str, above: float, below: float
) -> Outcome:
    """The test that several numbers, each with a name, all lie in a range; `span` is it in words.

    The estimate is the worst one, which is named. The p-value is the smallest one, times their
    number (Bonferroni).
    """
    estimates = {name: at(LEVEL) for name, at in parts.items()}
    slack = {
        name: max(float(found.mean) - below, above - float(found.mean))
        for name, found in estimates.items()
    }
    worst = max(slack, key=lambda name: slack[name])
    smallest = min(p_value(at, above, below) for at in parts.values())
    return Outcome(
        claim,
        f"{what} (worst: {worst}); {span}",
        estimates[worst],
        min(1.0, len(parts) * smallest),
        all(inside(found, above, below) for found in estimates.values()),
    )


def untested(claim: str, test: str, why: str) -> Outcome:
    """A test that cannot be decided, and why."""
    return Outcome(claim, test, Estimate(numpy.nan, numpy.nan, numpy.nan), why=why)


def verdicts(outcomes: Sequence[Outcome]) -> tuple[list[float], list[str]]:
    """The corrected p-value (NaN if there is none) and the verdict of each test of one claim."""
    decidable = [place for place, outcome in enumerate(outcomes) if not outcome.why]
    corrected = [numpy.nan] * len(outcomes)
    for place, value in zip(
        decidable, adjusted([outcomes[place].p for place in decidable]), strict=True
    ):
        corrected[place] = value
    found = []
    for outcome, value in zip(outcomes, corrected, strict=True):
        if outcome.why:
            found.append(CANNOT)
        elif outcome.inside:
            found.append(SUPPORTED)
        else:
            found.append(REFUTED if value <= 1 - LEVEL else UNDECIDED)
    return corrected, found


def verdict_of_all(found: Sequence[str]) -> str:
    """The verdict of a claim, by those of its tests."""
    for verdict in (REFUTED, CANNOT, UNDECIDED):
        if verdict in found:
            return verdict
    return SUPPORTED
