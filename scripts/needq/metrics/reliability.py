"""How reliable a ranking of units is: over documents, over noise seeds, and of each unit.

A unit's value is its damage: the mean rise of nll over noise seeds and documents. Rank 1 is the
largest value, and equal values have the mean of their ranks.
"""

from typing import NamedTuple

import numpy
from scipy.special import chdtrc  # scipy.stats has it as chi2.sf, and takes a second to import

from needq.corrupt.keyed import key, uniform

SPLITS, RESAMPLES = 200, 1000
TOGETHER = 100  # resamples that are computed at once
LEVEL = 0.95


class RankShares(NamedTuple):
    """What resamples say of each unit's rank; arrays of shape (units,)."""

    low: numpy.ndarray  # ends of the 95% interval of the rank
    high: numpy.ndarray
    top: numpy.ndarray  # share of the resamples in which the unit is among the k highest
    bottom: numpy.ndarray  # and among the k lowest


def ranks(values: numpy.ndarray) -> numpy.ndarray:
    """The ranks along the last axis of `values` (..., units): 1 for the largest."""
    rows = values.reshape(-1, values.shape[-1])
    found = numpy.empty(rows.shape)
    for row, own in zip(rows, found, strict=True):
        ascending = numpy.sort(row)
        less, at_most = (numpy.searchsorted(ascending, row, side) for side in ("left", "right"))
        own[:] = len(row) + 0.5 - (less + at_most) / 2
    return found.reshape(values.shape)


def split_half(values: numpy.ndarray, splits: int = SPLITS) -> float:
    """The split-half reliability of a ranking, for `values` (seeds, documents, units).

    Documents and noise seeds are halved at random (of an odd number, one is left out), and units
    are ranked by the mean of each half. A half has its own documents and its own seeds, since the
    same noise would do the same to all documents; one seed (no noise) is in both. The mean rank
    correlation r over `splits` halvings is corrected to the whole by the formula of Spearman and
    Brown (1910), 2 r / (1 + r). NaN with fewer than two documents or units, or where all units are
    equal in a half.
    """
    seeds, documents, units = values.shape
    if documents < 2 or units < 2:
        return numpy.nan
    halves: list[list[numpy.ndarray]] = [[], []]
    own_seeds, own_documents = _orders("seeds", splits, seeds), _orders("halves", splits, documents)
    for of_seeds, of_documents in zip(own_seeds, own_documents, strict=True):
        for number, half in enumerate(halves):
            chosen = of_seeds if seeds == 1 else _half(of_seeds, number)
            half.append(values[numpy.ix_(chosen, _half(of_documents, number))].mean((0, 1)))
    first, second = (ranks(numpy.stack(half)) for half in halves)
    first, second = (own - own.mean(1, keepdims=True) for own in (first, second))
    spread = numpy.sqrt((first**2).sum(1) * (second**2).sum(1))
    if not spread.all():
        return numpy.nan
    r = float(((first * second).sum(1) / spread).mean())
    return 2 * r / (1 + r)


def _half(order: numpy.ndarray, number: int) -> numpy.ndarray:
    """The first (0) or the second half (1) of an order; of an odd number, one is in neither."""
    size = len(order) // 2
    return order[number * size : (number + 1) * size]


def concordance(values: numpy.ndarray) -> tuple[float, float]:
    """Kendall's W of the rankings under each seed, for `values` (seeds, units), and its p.

    With the correction for ties (Kendall and Gibbons 1990, chapter 6). p is that of the chi-square
    approximation of seeds (units - 1) W, which is Friedman's statistic; with few units it is
    somewhat too large. Both are NaN with one seed, or one unit, or where every seed has all units
    equal.
    """
    seeds, units = values.shape
    if seeds < 2 or units < 2:
        return numpy.nan, numpy.nan
    own = ranks(values)
    squares = ((own.sum(0) - seeds * (units + 1) / 2) ** 2).sum()
    counts = [numpy.unique(row, return_counts=True)[1].astype(float) for row in own]
    ties = sum((count**3 - count).sum() for count in counts)
    largest = seeds**2 * (units**3 - units) - seeds * ties
    if not largest:
        return numpy.nan, numpy.nan
    w = float(12 * squares / largest)
    return w, float(chdtrc(units - 1, seeds * (units - 1) * w))


def concordance_p(values: numpy.ndarray, splits: int = SPLITS) -> float:
    """How often unrelated rankings agree as much, for `values` (seeds, documents, units).

    Seeds that rank units on the same documents agree on what is special about these documents. So
    each seed is given as many documents of its own, at random, `splits` times. The p of W is
    valid each time, and so is twice their mean, at most 1 (Vovk and Wang 2020, "Combining p-values
    via averaging"). NaN with one seed, or fewer documents than seeds.
    """
    seeds, documents, _ = values.shape
    each = documents // seeds
    if seeds < 2 or not each:
        return numpy.nan
    found = []
    for order in _orders("parts", splits, documents):
        parts = order[: seeds * each].reshape(seeds, each)
        own = numpy.stack([values[seed, part].mean(0) for seed, part in enumerate(parts)])
        found.append(concordance(own)[1])
    return min(1.0, 2 * float(numpy.mean(found)))


def _orders(of: str, count: int, size: int) -> numpy.ndarray:
    """Random orders of documents or seeds (count, size)."""
    drawn = uniform(key("units", of, size), count * size)
    return numpy.argsort(drawn.reshape(count, size), axis=1, kind="stable")


def rank_shares(values: numpy.ndarray, k: int, resamples: int = RESAMPLES) -> RankShares:
    """How the rank of each unit varies, for `values` (seeds, documents, units).

    Noise seeds and documents are drawn anew, each with replacement, and units are ranked by the
    mean of what was drawn (Owen 2007, "The pigeonhole bootstrap"). This makes ranks vary somewhat
    more than they do, so it errs towards calling fewer ranks reliable. One seed is kept as it is.
    """
    seeds, documents, _ = values.shape
    drawn = []
    for start in range(0, resamples, TOGETHER):
        count = min(TOGETHER, resamples - start)
        of_seeds = _weights("seeds", start, count, seeds)
        of_documents = _weights("documents", start, count, documents)
        by_document = numpy.tensordot(of_seeds, values, 1)  # resamples, documents, units
        drawn.append(numpy.einsum("rd,rdu->ru", of_documents, by_document))
    own = ranks(numpy.concatenate(drawn))
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = numpy.quantile(own, ends, axis=0, method="nearest")
    lowest = own.shape[1] + 1 - k
    return RankShares(low, high, (own <= k).mean(0), (own >= lowest).mean(0))


def _weights(of: str, start: int, resamples: int, count: int) -> numpy.ndarray:
    """How often each of `count` values is drawn, divided by `count`: (resamples, count)."""
    stream = key("units", "resamples", of, count)
    places = uniform(stream, resamples * count, start * count).reshape(resamples, count)
    chosen = (places * count).astype(int)
    return (chosen[:, :, None] == numpy.arange(count)).sum(1) / count
