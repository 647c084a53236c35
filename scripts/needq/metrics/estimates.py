"""Means and shares with intervals, over noise seeds and items, as columns of a table."""

from collections.abc import Callable, Sequence

import numpy
from pandas import DataFrame

from needq.metrics import statistics
from needq.metrics.statistics import Estimate


def mean(rows: DataFrame, column: str, item: str) -> Estimate:
    """The mean of a column over noise seeds and items, with its interval.

    `item` names the column of items: prompt, document or item. Several rows of one cell (sample
    seeds) are averaged first.
    """
    return _over(rows, column, item, statistics.mean_of_items, statistics.mean_of_crossed)


def share(rows: DataFrame, column: str, item: str) -> Estimate:
    """Like `mean`, for values of 0 and 1."""
    return _over(rows, column, item, statistics.share_of_items, statistics.share_of_crossed)


def _over(
    rows: DataFrame,
    column: str,
    item: str,
    of_items: Callable[[numpy.ndarray], Estimate],
    of_crossed: Callable[[numpy.ndarray], Estimate],
) -> Estimate:
    if rows["noise_seed"].isna().all():
        return of_items(rows.groupby(item)[column].mean().to_numpy(float))
    cells = rows.groupby(["noise_seed", item])[column].mean().unstack(item)
    return of_crossed(cells.to_numpy(float))


def first_values(rows: DataFrame, names: Sequence[str]) -> dict[str, object]:
    """The values of the columns `names`, which are equal in all rows."""
    return {name: rows[name].iloc[0] for name in names}


def estimated(
    column: str, rows: DataFrame, item: str, low: float = -numpy.inf, high: float = numpy.inf
) -> dict[str, float]:
    """The columns `column`, `column_low`, `column_high`; `low` and `high` limit the interval."""
    return as_columns(column, mean(rows, column, item).clipped(low, high))


def as_columns(column: str, estimate: Estimate) -> dict[str, float]:
    """The three columns of an estimate."""
    return {
        column: float(estimate.mean),
        f"{column}_low": float(estimate.low),
        f"{column}_high": float(estimate.high),
    }
