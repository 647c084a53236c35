"""The tables of the ledger: how many texts diverge at each corner, and what each cause does."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import factorial
from typing import NamedTuple

import numpy
from pandas import DataFrame
from scipy.special import bdtr  # scipy.stats has it as binom.cdf, and takes a second to import

from needq.common import columns
from needq.common.keys import PAIR, TOO_SMALL
from needq.divergence.summary import measures
from needq.metrics.shares import difference_of_clusters, effective_number, share_of_clusters
from needq.metrics.statistics import ENOUGH_SEEDS, Estimate
from needq.plan.corners import ALL, ALONE, CAUSES, LAST, REPEAT, SHARE, causes_of

TEXT = ["prompt", "sample_seed", "distinct_text"]  # what equal texts have in common
CornerName = frozenset[str]  # the causes that a corner takes from the right backend
Weights = Mapping[CornerName, float]  # an effect, as a sum of the corners' shares


class Effect(NamedTuple):
    """What a cause does: a weighted sum of the shares of texts that diverge at corners."""

    cause: str
    effect: str
    weights: Weights


def corner_table(texts: DataFrame) -> DataFrame:
    """`ledger_corners.tsv`: one row per pair and corner, from the rows of `ledger_texts.tsv`."""
    rows = []
    for (left, right, corner), part in texts.groupby([*PAIR, "corner"], sort=False):
        estimate = _estimate(_diverged(part), part, signed=False)
        row = {"left": left, "right": right, "corner": corner, "diverged_share": estimate.mean}
        row |= {} if corner == REPEAT else _ends(estimate, part)
        rows.append(row | measures(part) | {"distinct_texts": _count_distinct(part)})
    return DataFrame(rows, columns=list(columns.LEDGER_CORNERS))


def cause_table(texts: DataFrame) -> DataFrame:
    """`ledger.tsv`: one row per pair, cause and effect, from the rows of `ledger_texts.tsv`."""
    rows = []
    compared = texts[texts["corner"] != REPEAT]
    for (left, right), pair in compared.groupby(list(PAIR), sort=False):
        # every corner has the same texts in the same order
        corners = {causes_of(name): part for name, part in pair.groupby("corner", sort=False)}
        some = next(iter(corners.values()))
        diverged = {corner: _diverged(part) for corner, part in corners.items()}
        for cause, effect, weights in effects(max(corners, key=len)):
            values = _summed(weights, diverged, len(some))
            estimate = _estimate(values, some, signed=min(weights.values()) < 0)
            row = {"left": left, "right": right, "cause": cause, "effect": effect}
            row |= {"estimate": estimate.mean, **_ends(estimate, some)}
            if effect != SHARE and row["low"] != TOO_SMALL:
                row["p_value"] = mcnemar(values, some)
            if effect == ALONE:
                (corner,) = weights
                row["first_divergent_token"] = measures(corners[corner])["first_divergent_token"]
            row |= {"noise_seeds": some["noise_seed"].nunique(), "texts": len(some)}
            row |= {"prompts": some["prompt"].nunique(), "distinct_texts": _count_distinct(some)}
            rows.append(row)
    return DataFrame(rows, columns=list(columns.LEDGER))


def effects(differing: CornerName) -> Iterator[Effect]:
    """What is asked of each cause, and of all causes; the share of the empty corner is 0."""
    for cause in (name for name in CAUSES if name in differing):
        yield Effect(cause, ALONE, {frozenset({cause}): 1})
        rest = differing - {cause}
        yield Effect(cause, LAST, {differing: 1} | ({rest: -1} if rest else {}))
        yield Effect(cause, SHARE, shapley_weights(cause, differing))
    yield Effect(ALL, ALONE, {differing: 1})


def shapley_weights(cause: str, differing: CornerName) -> Weights:
    """The weights of the corners in the Shapley value of a cause (Shapley 1953)."""
    n, others = len(differing), sorted(differing - {cause})
    weights: dict[CornerName, float] = {}
    for size in range(n):
        weight = factorial(size) * factorial(n - size - 1) / factorial(n)
        for some in map(frozenset, combinations(others, size)):
            weights |= {some | {cause}: weight, some: -weight}
    del weights[frozenset()]
    return weights


def mcnemar(difference: numpy.ndarray, texts: DataFrame) -> float:
    """The p-value of McNemar's exact test: do as many texts change one way as the other?

    `difference` is 1 for a text that diverges only with the cause, -1 for one that diverges only
    without it. Of repeated texts that change alike, one counts.
    """
    changes = texts[TEXT].assign(change=difference)
    changes = changes.drop_duplicates()["change"]
    more, fewer = int((changes > 0).sum()), int((changes < 0).sum())
    return min(1.0, 2 * float(bdtr(min(more, fewer), more + fewer, 0.5)))


def _summed(
    weights: Weights, diverged: Mapping[CornerName, numpy.ndarray], size: int
) -> numpy.ndarray:
    """An effect, text by text."""
    values = numpy.zeros(size)
    for corner, weight in weights.items():
        values += weight * diverged[corner]
    return values


def _diverged(texts: DataFrame) -> numpy.ndarray:
    """1 for each text that diverges, 0 for the others."""
    return 1 - texts["identical"].to_numpy(float)


def _count_distinct(texts: DataFrame) -> int:
    """The number of different texts of the left backend."""
    return len(texts[TEXT].drop_duplicates())


def _estimate(values: numpy.ndarray, texts: DataFrame, signed: bool) -> Estimate:
    """The mean of one value per text, with an interval over prompts.

    Values are in [0, 1], and in [-1, 1] if `signed`.
    """
    parts = DataFrame({"more": values.clip(0), "fewer": (-values).clip(0)})
    means = parts.groupby(texts["prompt"].to_numpy()).mean()
    n = effective_number(texts.groupby(TEXT).size())
    more = means["more"].to_numpy()
    return (
        difference_of_clusters(more, means["fewer"].to_numpy(), n)
        if signed
        else share_of_clusters(more, n)
    )


def _ends(estimate: Estimate, texts: DataFrame) -> dict[str, object]:
    """The two ends of an interval, unless n is too small."""
    few = texts["noise_seed"].nunique() < ENOUGH_SEEDS or numpy.isnan(estimate.low)
    ends = {"low": estimate.low, "high": estimate.high}
    return dict.fromkeys(ends, TOO_SMALL) if few else {k: float(v) for k, v in ends.items()}
