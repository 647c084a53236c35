"""Answers to tasks, summed up: accuracy and margin under each intervention, by kind of task."""

from collections.abc import Iterator, Mapping

import numpy
from pandas import DataFrame, Series

from needq.backup.tasks import COPYING
from needq.common import columns
from needq.common.keys import COPY, GRAMMAR, INFERENCE, INTERVENTION
from needq.metrics import statistics
from needq.metrics.estimates import as_columns, estimated, first_values, share
from needq.metrics.statistics import Estimate


def by_task(answers: DataFrame) -> dict[str, DataFrame]:
    """The rows of schemas.TASKS of each task; cloze items are split by their kind."""
    copying = answers["kind"].isin(COPYING)
    grammar = answers["task"] == GRAMMAR
    chosen = {GRAMMAR: grammar, INFERENCE: ~grammar & ~copying, COPY: ~grammar & copying}
    return {name: answers[rows] for name, rows in chosen.items()}


def tasks_table(answers: Mapping[str, DataFrame]) -> DataFrame:
    """`tasks.tsv`, from the answers of each backend: one row per intervention and task."""
    rows = [row for backend, own in answers.items() for row in _rows(backend, own)]
    table = DataFrame(rows, columns=list(columns.TASKS)).astype({"block": "Int64"})
    return table.sort_values(["sweep", "intervention"], kind="stable")


def _rows(backend: str, answers: DataFrame) -> Iterator[dict[str, object]]:
    for name, own in by_task(answers).items():
        for _, of_sweep in own.groupby("sweep"):
            pristine = of_sweep[of_sweep["blocks_replaced"] == 0].set_index("item")["margin"]
            for _, part in of_sweep.groupby("intervention"):
                row = first_values(part, INTERVENTION) | {"backend": backend, "task": name}
                row |= as_columns("accuracy", share(part, "right", "item"))
                row |= estimated("margin", part, "item")
                row |= as_columns("kept", _kept(part, pristine))
                seeds = part["noise_seed"].nunique()
                yield row | {"noise_seeds": seeds, "items": part["item"].nunique()}


def _kept(part: DataFrame, pristine: Series) -> Estimate:
    """The mean margin as a share of the pristine model's on the same items."""
    if (part["blocks_replaced"] == 0).all():
        return Estimate(1.0, numpy.nan, numpy.nan)
    seeds = part["noise_seed"].astype(float).fillna(-1)
    margins = part.assign(noise_seed=seeds).pivot(
        index="noise_seed", columns="item", values="margin"
    )
    table = margins[pristine.index].to_numpy(float)
    before = numpy.broadcast_to(pristine.to_numpy(float), table.shape)
    return statistics.function_of_means(
        [numpy.stack([before, table], axis=2)], lambda mean: mean[1] / mean[0]
    )
