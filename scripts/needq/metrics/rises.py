"""Rises of nll over the pristine model, for sweeps whose steps replace as many blocks."""

import numpy
from pandas import DataFrame

from needq.metrics import statistics
from needq.metrics.half_points import cells
from needq.metrics.statistics import Estimate


def sweep_rises(evaluation: DataFrame, sweep: str) -> dict[str, numpy.ndarray]:
    """The rise of nll (seeds, documents) over the pristine model, by intervention.

    `evaluation` has `document` and `nll` of one backend, with the columns of an intervention. All
    interventions of the sweep replace as many blocks. A method without noise has one seed.
    """
    rows = evaluation[evaluation["sweep"] == sweep]
    table, _ = cells(rows, "nll", "document")
    names = sorted(rows.loc[rows["blocks_replaced"] > 0, "intervention"].unique())
    return {name: table[:, :, at] - table[:, :, 0] for at, name in enumerate(names, 1)}


def mean_rise(rises: numpy.ndarray, noise: bool) -> Estimate:
    """The mean of rises (seeds, documents), with its interval; without noise, over documents.

    One seed of noise gives no interval: its documents do not say what other noise does.
    """
    return statistics.mean_of_crossed(rises) if noise else statistics.mean_of_items(rises[0])
