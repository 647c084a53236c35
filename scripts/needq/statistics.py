"""Means with 95% intervals, where noise seeds and prompts (or documents) are both random.

Five noise seeds on eight prompts are not forty independent values: texts under one noise seed
share its luck, and so do texts of one prompt. Both are random factors that cross, and the interval
is for seeds and prompts that were not drawn. Quantiles are Student's t, since a percentile
bootstrap over 3 to 5 seeds covers too little.
"""

from dataclasses import dataclass

import numpy
from scipy.stats import t as student

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval; low and high are NaN where n is too small to tell.

    Scalars, or arrays of one shape where the values had leading axes.
    """

    mean: float | numpy.ndarray
    low: float | numpy.ndarray
    high: float | numpy.ndarray

    def clipped(self, low: float = -numpy.inf, high: float = numpy.inf) -> "Estimate":
        """The estimate with its interval cut to the values that the quantity can take."""
        return Estimate(
            self.mean, numpy.clip(self.low, low, high), numpy.clip(self.high, low, high)
        )


def mean_of_items(values: numpy.ndarray) -> Estimate:
    """The mean over one random factor, with the t interval; NaN values are left out.

    `values` has shape (items,). One item gives no interval.
    """
    return _interval(*_items_variance(values))


def mean_of_crossed(values: numpy.ndarray) -> Estimate:
    """The mean over two crossed random factors, with its interval.

    `values` has shape (seeds, items), one value a cell, NaN where there is none. One seed or one
    item gives no interval. See `crossed_variance` for the method.
    """
    table, missing = filled(values)
    return _interval(*crossed_variance(table, missing))


def share_of_items(values: numpy.ndarray) -> Estimate:
    """Like `mean_of_items` for values in [0, 1], with Wilson's interval: see `wilson`."""
    values = values[~numpy.isnan(values)]
    return wilson(*_items_variance(values), values.size)


def share_of_crossed(values: numpy.ndarray) -> Estimate:
    """Like `mean_of_crossed` for values in [0, 1], with Wilson's interval: see `wilson`."""
    table, missing = filled(values)
    return wilson(*crossed_variance(table, missing), table.size - missing)


def crossed_variance(
    values: numpy.ndarray, missing: int = 0
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """The mean of `values` (..., seeds, items), the variance of that mean, and its freedom.

    Two-way random effects without replication (Searle, Casella, McCulloch 1992, chapter 4):
    Var(mean) = (MS_seeds + MS_items - MS_residual) / (seeds * items), where a component of
    variance that comes out negative counts as zero. The degrees of freedom are the harmonic mean
    of the factors', weighted by their mean squares. Satterthwaite's weights are the squares of
    these; with 3 seeds they cover as little as 92.5% (docs/metrics.md).

    `missing` of the cells were filled in (see `filled`), and take freedom from the residual.
    """
    seeds, items = values.shape[-2:]
    nothing = numpy.full(values.shape[:-2], numpy.nan)
    if not values.size:
        return nothing, nothing, nothing
    rows = values.mean(-1, keepdims=True)
    columns = values.mean(-2, keepdims=True)
    mean = values.mean((-2, -1), keepdims=True)
    free_seeds, free_items = seeds - 1, items - 1
    free_residual = free_seeds * free_items - missing
    if min(free_seeds, free_items, free_residual) < 1:
        return mean[..., 0, 0], nothing, nothing

    def mean_square(deviations: numpy.ndarray, repeats: int, free: int) -> numpy.ndarray:
        return repeats * (deviations**2).sum((-2, -1)) / free

    residual = mean_square(values - rows - columns + mean, 1, free_residual)
    by_seed = mean_square(rows - mean, items, free_seeds)
    by_item = mean_square(columns - mean, seeds, free_items)
    variance = (
        residual + numpy.maximum(by_seed - residual, 0) + numpy.maximum(by_item - residual, 0)
    )
    # a factor whose component is zero has no say in the freedom
    by_seed = numpy.where(by_seed > residual, by_seed, 0)
    by_item = numpy.where(by_item > residual, by_item, 0)
    alone = numpy.where(by_seed + by_item > 0, 0, residual)
    weighted = by_seed / free_seeds + by_item / free_items + alone / free_residual
    total = by_seed + by_item + alone
    freedom = numpy.divide(
        total, weighted, out=numpy.full_like(total, free_residual), where=weighted > 0
    )
    return mean[..., 0, 0], variance / (seeds * items), freedom


def filled(values: numpy.ndarray) -> tuple[numpy.ndarray, int]:
    """`values` (seeds, items) without its NaN, and how many cells were filled in.

    Empty rows and columns are dropped; other holes get what seed and item predict together
    (Yates 1933, the missing-plot technique), so that a lost cell does not shift the mean.
    """
    values = numpy.asarray(values, dtype=float)
    known = ~numpy.isnan(values)
    rows, columns = known.any(1), known.any(0)
    table, known = values[rows][:, columns], known[rows][:, columns]
    missing = int(known.size - known.sum())
    if not missing:
        return table, 0
    table = numpy.where(known, table, table[known].mean())
    for _ in range(1000):
        fit = table.mean(1, keepdims=True) + table.mean(0, keepdims=True) - table.mean()
        change = numpy.where(known, 0, fit - table)
        table = table + change
        if numpy.abs(change).max() <= 1e-12 * numpy.abs(table).max():
            break
    return table, missing


def wilson(
    mean: numpy.ndarray, variance: numpy.ndarray, freedom: numpy.ndarray, cells: int
) -> Estimate:
    """Wilson's (1927) interval for a share whose mean has the given variance.

    The share is taken as one of n = mean (1 - mean) / variance independent texts, as surveys do
    (Korn and Graubard 1998), with Student's t for the normal quantile; n is at most `cells`. At a
    share of 0 or 1 the variance tells nothing, and n is `cells`. NaN variance: no interval.
    """
    mean, variance = numpy.asarray(mean, float), numpy.asarray(variance, float)
    spread = mean * (1 - mean)
    known = ~numpy.isnan(variance)
    informed = known & (variance > 0) & (spread > 0)
    n = numpy.divide(spread, variance, out=numpy.full(mean.shape, float(cells)), where=informed)
    n = numpy.where(known, numpy.minimum(n, cells), numpy.nan)
    quantile = student.ppf((1 + LEVEL) / 2, numpy.where(informed, freedom, cells - 1))
    shrink = 1 + quantile**2 / n
    centre = (mean + quantile**2 / (2 * n)) / shrink
    half = quantile / shrink * numpy.sqrt(spread / n + quantile**2 / (4 * n**2))
    # rounding may put an end a hair beyond the share itself
    low = numpy.where(mean == 0, 0, numpy.minimum(centre - half, mean))
    high = numpy.where(mean == 1, 1, numpy.maximum(centre + half, mean))
    return Estimate(
        mean[()], numpy.where(known, low, numpy.nan)[()], numpy.where(known, high, numpy.nan)[()]
    )


def _items_variance(values: numpy.ndarray) -> tuple[float, float, float]:
    """The mean of `values` (items,), the variance of that mean, and its degrees of freedom."""
    values = numpy.asarray(values, dtype=float)
    values = values[~numpy.isnan(values)]
    if not values.size:
        return numpy.nan, numpy.nan, numpy.nan
    if values.size == 1:
        return float(values[0]), numpy.nan, numpy.nan
    return float(values.mean()), float(values.var(ddof=1) / values.size), values.size - 1


def _interval(mean: numpy.ndarray, variance: numpy.ndarray, freedom: numpy.ndarray) -> Estimate:
    half = student.ppf((1 + LEVEL) / 2, freedom) * numpy.sqrt(variance)
    return Estimate(mean, mean - half, mean + half)
