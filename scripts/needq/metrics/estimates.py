"""Means and shares with intervals, over noise seeds and items, as columns of a table."""

from collections.abc import Sequence

import numpy
from pandas import DataFrame

from needq.metrics import shares, statistics
from needq.metrics.statistics import Estimate


def mean(rows: DataFrame, column: str, item: str) -> Estimate:
    """The mean of a column over noise seeds and items, with its interval.

    `item` names the column of items: prompt, document or item. Several rows of one cell (sample
    seeds) are averaged first.
    """
    values = _cells(rows, column, item)
    return (statistics.mean_of_items if values.ndim == 1 else statistics.mean_of_crossed)(values)


def share(rows: DataFrame, column: str, item: str) -> Estimate:
    """Like `mean`, for values of 0 and 1. If rows are of texts, they have the `text_hash` of each.

    Equal texts count once: see `shares.wilson`.
    """
    values = _cells(rows, column, item)
    n = different_texts(rows) if "text_hash" in rows else None
    return (shares.share_of_items if values.ndim == 1 else shares.share_of_crossed)(values, n)


def different_texts(rows: DataFrame) -> float:
    """The effective number of different texts of `rows`, by their `text_hash` and prompt."""
    return shares.effective_number(rows.groupby(["prompt", "sample_seed", "text_hash"]).size())


def _cells(rows: DataFrame, column: str, item: str) -> numpy.ndarray:
    """A column's values by item, or by noise seed and item if there is noise."""
    if rows["noise_seed"].isna().all():
        return rows.groupby(item)[column].mean().to_numpy(float)
    cells = rows.groupby(["noise_seed", item])[column].mean().unstack(item)
    return cells.to_numpy(float)


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
