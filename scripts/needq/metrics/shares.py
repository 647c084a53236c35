"""Shares of texts with 95% intervals, where texts may repeat each other.

An intervention that changes little gives the same text under every noise seed. Five equal texts are
one value, not five. So an interval counts different texts: n is their effective number.
"""

from collections.abc import Iterable

import numpy
from scipy.special import expit, gammaincinv, logit, ndtri, stdtrit

from needq.metrics.statistics import (
    LEVEL,
    Estimate,
    Values,
    crossed_variance,
    filled,
    items_variance,
)

FEW = 2  # texts; an interval of so few has a Poisson end (see `wilson`)
# likeness of texts of one prompt that is assumed where no text tells, and texts from which it is 0
ASSUMED, TELLING = 0.1, 20


def effective_number(repeats: Iterable[float]) -> float:
    """The effective number of different texts, where each text occurs so many times (Kish 1965).

    (sum of r)^2 / sum of r^2: the number of texts if all are different, and 1 if all are equal.
    """
    counts = numpy.array(list(repeats), float)
    return float(counts.sum() ** 2 / (counts**2).sum())


def share_of_items(values: numpy.ndarray, n: float | None = None) -> Estimate:
    """The mean over one random factor of `values` (items,) in [0, 1]: see `wilson`.

    NaN values are left out. Without `n`, all values count as different.
    """
    values = values[~numpy.isnan(values)]
    return wilson(*items_variance(values), n or values.size, values.size)


def share_of_crossed(
    values: numpy.ndarray, n: float | None = None, level: float = LEVEL
) -> Estimate:
    """The mean over two crossed random factors of values in [0, 1], with its interval.

    `values` are as in `statistics.mean_of_crossed`, and `n` is as in `wilson`. Without `n`, as for
    answers to task items, the interval is that of `log_odds`, with a variance that is not below
    that by items alone. If all answers agree, the items count: one value may hold for all seeds.
    """
    table, missing = filled(values)
    mean, variance, freedom = crossed_variance(table, missing)
    if n is None and 0 < mean < 1:
        variance = numpy.maximum(variance, items_variance(table.mean(0))[1])
        return log_odds(float(mean), variance, freedom, level)
    items = table.shape[1]
    return wilson(mean, variance, freedom, items if n is None else n, items, level)


def share_of_clusters(values: numpy.ndarray, n: float) -> Estimate:
    """The mean over clusters of values in [0, 1], with its interval: see `wilson`.

    `values` (clusters,) are the means of clusters of one size. In a cluster, values may be repeated
    or resemble each other, so the variance is that between clusters (Korn and Graubard 1998).
    """
    return wilson(*items_variance(values), n, values.size)


def difference_of_clusters(more: numpy.ndarray, fewer: numpy.ndarray, n: float) -> Estimate:
    """The mean of `more` less that of `fewer`, of which each single value has one at most.

    Both are as in `share_of_clusters`. Their intervals are joined by Newcombe's (1998) method for
    paired shares, as Zou and Donner (2008) give it: unlike a t interval, it has a width where all
    values are equal.
    """
    up, down = (share_of_clusters(values, n) for values in (more, fewer))
    mean = up.mean - down.mean
    against = (1 - up.mean) * (1 - down.mean)
    # two shares of one whole: what is in one is not in the other
    likeness = min(1, up.mean * down.mean / against) ** 0.5 if against else 1.0
    ends = []
    for one, other in (
        (up.mean - up.low, down.high - down.mean),
        (up.high - up.mean, down.mean - down.low),
    ):
        ends.append((one**2 + other**2 + 2 * likeness * one * other) ** 0.5)
    return Estimate(mean, mean - ends[0], mean + ends[1]).clipped(-1, 1)


def wilson(
    mean: Values,
    variance: Values,
    freedom: Values,
    n: Values,
    prompts: int,
    level: float = LEVEL,
) -> Estimate:
    """The interval of a share among texts of which `n` are different (`effective_number`).

    The variance of the mean is at least p (1 - p) / (n - 1), as estimated from n independent texts
    without bias. `variance`, as estimated with `freedom` from how seeds, prompts or clusters
    differ, may be larger: texts resemble each other. Only this excess was estimated, so the freedom
    is `freedom` times variance / excess. Few texts of a kind cannot show an excess, so a likeness
    of texts of one prompt is assumed (`assumed_effect`). The share is then taken as one of n'
    independent texts, by which the variance and Student's t come out the same (Korn and Graubard
    1998), and has the interval of Wilson (1927). With at most FEW texts of a kind the normal
    approximation is too narrow, and the end towards 0 or 1 is at least as far as that of a Poisson
    count (Brown, Cai and DasGupta 2001). NaN variance: no interval.
    """
    mean, variance = numpy.asarray(mean, float), numpy.asarray(variance, float)
    spread, known = mean * (1 - mean), ~numpy.isnan(variance)
    assumed = assumed_effect(mean, n, prompts)
    n = numpy.maximum(numpy.subtract(n, 1), 1e-9)  # one text says nothing
    own = spread / n
    found = numpy.divide(variance, own, out=numpy.zeros(own.shape), where=own > 0)
    seen = found > assumed  # and so it is above 1
    free = numpy.divide(found, found - 1, out=numpy.full(own.shape, numpy.inf), where=seen)
    normal = ndtri((1 + level) / 2)
    quantile = stdtrit(numpy.where(seen, freedom, 1) * free, (1 + level) / 2)
    n = n / numpy.maximum(found, assumed) * (normal / quantile) ** 2
    shrink = 1 + normal**2 / n
    centre = (mean + normal**2 / (2 * n)) / shrink
    half = normal / shrink * numpy.sqrt(spread / n + normal**2 / (4 * n**2))
    few = numpy.minimum(FEW, n / 2)  # of the rarer kind
    low = numpy.minimum(centre - half, _poisson_low(mean * n, 1 - level, few) / n)
    high = numpy.maximum(centre + half, 1 - _poisson_low((1 - mean) * n, 1 - level, few) / n)
    # rounding may put an end of the interval on the wrong side of the share
    low = numpy.where(mean == 0, 0, numpy.minimum(low, mean))
    high = numpy.where(mean == 1, 1, numpy.maximum(high, mean))
    return Estimate(
        mean[()], numpy.where(known, low, numpy.nan)[()], numpy.where(known, high, numpy.nan)[()]
    )


def assumed_effect(mean: Values, n: Values, prompts: int) -> Values:
    """How many times the variance of independent texts is assumed at least (Kish's design effect).

    It is 1 + likeness (m - 1), where m = n / `prompts` different texts of each prompt have this
    correlation. The likeness is ASSUMED if no text differs from the others, and the smaller, the
    more texts of the rarer kind there are: TELLING of them show themselves how alike they are.
    """
    rarer = n * numpy.minimum(mean, numpy.subtract(1, mean))
    likeness = ASSUMED * numpy.clip(1 - rarer / TELLING, 0, 1)
    return 1 + likeness * numpy.maximum(n / max(prompts, 1) - 1, 0)


def log_odds(mean: float, variance: Values, freedom: Values, level: float = LEVEL) -> Estimate:
    """The t interval of the logarithm of the odds of a share between 0 and 1, as shares.

    Its variance is that of the share divided by (p (1 - p))^2 (delta method; Korn and Graubard
    1999, Analysis of Health Surveys, section 3.2). Unlike a t interval of the share, it stays
    between 0 and 1, and is longer towards 1/2.
    """
    half = stdtrit(freedom, (1 + level) / 2) * numpy.sqrt(variance) / (mean * (1 - mean))
    return Estimate(mean, expit(logit(mean) - half), expit(logit(mean) + half))


def _poisson_low(count: numpy.ndarray, chance: float, few: numpy.ndarray) -> numpy.ndarray:
    """The lowest mean of a Poisson count under which `count` or more have this chance.

    Infinite for more than `few`, where no such limit is needed.
    """
    many = count > few + 1e-9  # as rounding may have it
    return numpy.where(many, numpy.inf, gammaincinv(numpy.maximum(count, 1e-9), chance))
