"""Means with 95% intervals, where noise seeds and prompts (or documents) are both random.

Five noise seeds on eight prompts are not forty independent values: texts under one noise seed
resemble each other, and so do texts of one prompt. Noise seeds and prompts are crossed random
factors, and the interval is for seeds and prompts in general, not only for those of the run.
Quantiles are those of Student's t, since a percentile bootstrap over 3 to 5 seeds covers too
little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy
from scipy.special import stdtrit  # scipy.stats has it as t.ppf, and takes a second to import

LEVEL = 0.95
ENOUGH_SEEDS = 5  # with fewer, claims and half-points have no interval

Values = float | numpy.ndarray  # a number, or an array of them


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval; low and high are NaN if there are too few values.

    Scalars, or arrays of one shape where the values had leading axes.
    """

    mean: Values
    low: Values
    high: Values

    def clipped(self, low: float = -numpy.inf, high: float = numpy.inf) -> "Estimate":
        """The estimate with its interval cut to the values that the quantity can take."""
        return Estimate(
            self.mean, numpy.clip(self.low, low, high), numpy.clip(self.high, low, high)
        )


def mean_of_items(values: numpy.ndarray) -> Estimate:
    """The mean over one random factor, with the t interval; NaN values are left out.

    `values` has shape (items,). One item gives no interval.
    """
    return interval(*items_variance(values))


def mean_of_crossed(values: numpy.ndarray) -> Estimate:
    """The mean over two crossed random factors, with its interval.

    `values` has shape (seeds, items), one value per cell, NaN where there is none. One seed or one
    item gives no interval. See `crossed_variance` for the method.
    """
    table, missing = filled(values)
    return interval(*crossed_variance(table, missing))


def function_of_means(
    tables: Sequence[numpy.ndarray], function: Callable[..., float], step: float = 1e-4
) -> Estimate:
    """A smooth function of means over crossed random factors, with its interval.

    See `function_variance`. There is no interval with one seed, one item, or where the function is
    not finite.
    """
    return interval(*function_variance(tables, function, step))


def function_variance(
    tables: Sequence[numpy.ndarray], function: Callable[..., float], step: float = 1e-4
) -> tuple[float, float, float]:
    """A smooth function of means, its variance (delta method), and the freedom of the variance.

    Each table has shape (seeds, items, values): the tables share their noise seeds, and each has
    items of its own. `function` takes the mean values of each table, arrays of shape (values,).
    How it changes with each cell of a table is again a table of (seeds, items), and the sum of
    these tables has the variance of the function. The variance by seeds is that of the sum, since
    the tables share their seeds. The variance by items and the residual variance come from each
    table alone, as in `crossed_variance`, which gives the same result for one table. `step` is
    that of the numerical derivatives, in the unit of the values. The variance is NaN with one
    seed, one item, or where the function is not finite.
    """
    means = [numpy.mean(table, axis=(0, 1)) for table in tables]
    value = float(function(*means))
    changes = []
    for index, (table, mean) in enumerate(zip(tables, means, strict=True)):
        slope = numpy.empty(mean.size)
        for place in range(mean.size):
            ends = []
            for sign in (-1, 1):
                moved = [values.copy() for values in means]
                moved[index][place] += sign * step
                ends.append(function(*moved))
            slope[place] = (ends[1] - ends[0]) / (2 * step)
        changes.append((table - mean) @ slope)
    seeds = changes[0].shape[0]
    if not numpy.isfinite([value, *(change.sum() for change in changes)]).all():
        return value, numpy.nan, numpy.nan
    if min(seeds, *(change.shape[1] for change in changes)) < 2:
        return value, numpy.nan, numpy.nan
    by_seed = sum(change.mean(1) for change in changes).var(ddof=1) / seeds
    residual, free_residual, by_item, free_item = 0.0, [], [], []
    for change in changes:
        items = change.shape[1]
        rest = change - change.mean(1, keepdims=True) - change.mean(0) + change.mean()
        noise = (rest**2).sum() / ((seeds - 1) * (items - 1)) / (seeds * items)
        own = change.mean(0).var(ddof=1) / items
        residual += noise
        free_residual.append((noise, (seeds - 1) * (items - 1)))
        by_item.append((own, noise))
        free_item.append(items - 1)
    own_items = sum(own for own, _ in by_item)
    floor = min(max(by_seed, own_items, residual / 2), residual)
    variance = max(by_seed + own_items - residual, floor)
    weights = [(by_seed, seeds - 1)] if by_seed > residual else []
    counted = [own > noise for own, noise in by_item]
    weights += [
        (own, free)
        for (own, _), free, counts in zip(by_item, free_item, counted, strict=True)
        if counts
    ]
    # the residual is in both, so it is subtracted once
    less = [one for one, counts in zip(free_residual, counted, strict=True) if counts]
    weights += [(-noise, free) for noise, free in less if by_seed > residual]
    weights = weights or free_residual
    total = sum(weight**2 / free for weight, free in weights)
    freedom = sum(weight for weight, _ in weights) ** 2 / total if total else numpy.inf
    return value, float(variance), float(freedom)


def crossed_variance(
    values: numpy.ndarray, missing: int = 0
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """The mean of `values` (..., seeds, items), the variance of that mean, and its freedom.

    Two-way random effects without replication (Searle, Casella, McCulloch 1992, chapter 4):
    Var(mean) = (MS_seeds + MS_items - MS_residual) / (seeds * items). This may come out too small
    by chance, so it is at least the larger of MS_seeds and MS_items, as far as that lies between
    MS_residual / 2 and MS_residual. The degrees of freedom are those of Satterthwaite (1946) for
    this sum, where a factor whose mean square is not above the residual does not count; then
    nothing is subtracted.

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
    variance, freedom = _combined(
        by_seed, by_item, residual, (free_seeds, free_items, free_residual)
    )
    return mean[..., 0, 0], variance / (seeds * items), freedom


def jackknife(
    table: numpy.ndarray, function: Callable[[numpy.ndarray], float]
) -> tuple[float, float, float, float]:
    """A function of means, its value less its bias, the variance of that, and its freedom.

    `table` (seeds, items, values) is as in `function_variance`. Seeds, items and single cells are
    left out one by one (Quenouille 1956; Tukey 1958). What leaving out seeds and leaving out items
    say of bias and variance is added; the residual, which single cells tell, is in both, so it is
    subtracted, as in `crossed_variance`. Where a function of few means is far from straight, this
    covers more than its slopes do. The bias and variance are NaN with one seed or one item.
    """
    seeds, items = table.shape[:2]
    value, whole, cells = float(function(table.mean((0, 1)))), table.sum((0, 1)), seeds * items
    if min(seeds, items) < 2:
        return value, numpy.nan, numpy.nan, numpy.nan

    def without(parts: numpy.ndarray) -> numpy.ndarray:
        rest = cells * (len(parts) - 1) / len(parts)
        return numpy.array([function((whole - part) / rest) for part in parts])

    def bias(values: numpy.ndarray) -> float:
        return float((values.size - 1) * (values.mean() - value))

    by_seed, by_item = without(table.sum(1)), without(table.sum(0))
    by_cell = without(table.reshape(cells, -1)).reshape(seeds, items)
    rest = by_cell - by_cell.mean(1, keepdims=True) - by_cell.mean(0) + by_cell.mean()
    free = (seeds - 1, items - 1, (seeds - 1) * (items - 1))
    residual = (cells - 1) ** 2 * (rest**2).sum() / free[2] / cells
    whole_variance = (cells - 1) * by_cell.var()
    share = residual / whole_variance if whole_variance else 0.0
    seed, item = (seeds - 1) * by_seed.var(), (items - 1) * by_item.var()
    variance, freedom = _combined(seed, item, numpy.asarray(residual), free)
    found = bias(by_seed) + bias(by_item) - share * bias(by_cell)
    return value, value - found, float(variance), float(freedom)


def _combined(
    by_seed: numpy.ndarray, by_item: numpy.ndarray, residual: numpy.ndarray, free: tuple[int, ...]
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The variance by seeds and by items less the residual one, and its degrees of freedom.

    `free` are the degrees of freedom of the three. See `crossed_variance`.
    """
    floor = numpy.clip(numpy.maximum(by_seed, by_item), residual / 2, residual)
    variance = numpy.maximum(by_seed + by_item - residual, floor)
    by_seed = numpy.where(by_seed > residual, by_seed, 0)
    by_item = numpy.where(by_item > residual, by_item, 0)
    alone = numpy.where(by_seed + by_item > 0, 0, residual)
    twice = numpy.where((by_seed > 0) & (by_item > 0), residual, 0)  # in both, so subtracted once
    weighted = by_seed**2 / free[0] + by_item**2 / free[1] + (alone**2 + twice**2) / free[2]
    total = (by_seed + by_item + alone - twice) ** 2
    freedom = numpy.divide(
        total, weighted, out=numpy.full_like(total, free[2], dtype=float), where=weighted > 0
    )
    return variance, freedom


def filled(values: numpy.ndarray) -> tuple[numpy.ndarray, int]:
    """`values` (seeds, items) without its NaN, and how many cells were filled in.

    Empty rows and columns are dropped. Each other missing cell gets the value that its seed and
    its item together predict (Yates 1933, the missing-plot technique), so that a missing cell does
    not shift the mean.
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


def items_variance(values: numpy.ndarray) -> tuple[float, float, float]:
    """The mean of `values` (items,), the variance of that mean, and its degrees of freedom."""
    values = numpy.asarray(values, dtype=float)
    values = values[~numpy.isnan(values)]
    if not values.size:
        return numpy.nan, numpy.nan, numpy.nan
    if values.size == 1:
        return float(values[0]), numpy.nan, numpy.nan
    return float(values.mean()), float(values.var(ddof=1) / values.size), values.size - 1


def interval(mean: Values, variance: Values, freedom: Values, level: float = LEVEL) -> Estimate:
    """The t interval of a mean whose `variance` was estimated with `freedom` degrees of freedom."""
    half = stdtrit(freedom, (1 + level) / 2) * numpy.sqrt(variance)
    return Estimate(mean, mean - half, mean + half)
