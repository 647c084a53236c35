"""The MLP beside attention: damage by noise in each, at an equal change of a block's output."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy
from pandas import DataFrame, isna

from needq.common import unit_columns
from needq.common.rows import OutputChange
from needq.common.units import MlpSweep
from needq.metrics import statistics
from needq.metrics.estimates import as_columns
from needq.metrics.half_points import cells
from needq.metrics.rises import mean_rise
from needq.metrics.statistics import Estimate

NO_RATIO = Estimate(numpy.nan, numpy.nan, numpy.nan)


class Step(NamedTuple):
    """Which blocks an intervention replaces: the first so many, or a single one."""

    blocks_replaced: int
    block: int | None


class Rise(NamedTuple):
    """The rise of nll (seeds, documents) by one intervention; one seed if it has no noise."""

    intervention: str
    values: numpy.ndarray
    noise: bool

    @property
    def mean(self) -> Estimate:
        """The mean rise, with its interval."""
        return mean_rise(self.values, self.noise)


def mlp_table(evaluation: DataFrame, sweeps: Sequence[MlpSweep]) -> DataFrame:
    """`mlp.tsv`: the damage by each step of these sweeps, and divided by that by noise in W_Q.

    `evaluation` has `document` and `nll` of one backend, with the columns of an intervention.
    """
    rises = {one["sweep"]: _rises(evaluation, one["sweep"]) for one in sweeps}
    rows: list[dict[str, object]] = []
    for one in sweeps:
        by_query = rises.get(one["reference"] or "", {})
        for step, rise in rises[one["sweep"]].items():
            seeds, documents = rise.values.shape
            ratio = ratio_to_query(rise, by_query[step]) if step in by_query else NO_RATIO
            row: dict[str, object] = {
                "sweep": one["sweep"],
                "matrix": one["matrix"],
                "method": one["method"],
                "intervention": rise.intervention,
                **step._asdict(),
                **as_columns("rise", rise.mean),
                **as_columns("ratio", ratio),
            }
            rows.append(row | {"noise_seeds": seeds if rise.noise else 0, "documents": documents})
    table = DataFrame(rows, columns=list(unit_columns.MLP))
    return table.astype({"block": "Int64"})


def _rises(evaluation: DataFrame, sweep: str) -> dict[Step, Rise]:
    """The rise over the pristine model by each step of a sweep, in the order of `cells`."""
    rows = evaluation[evaluation["sweep"] == sweep]
    table, _ = cells(rows, "nll", "document")
    noise = bool(rows["noise_seed"].notna().any())
    names = ["blocks_replaced", "intervention", "block"]
    steps = rows[names].drop_duplicates().sort_values(names[:2])
    replaced = steps[steps["blocks_replaced"] > 0].itertuples(index=False)
    rises = {}
    for at, (count, intervention, block) in enumerate(replaced, 1):
        step = Step(int(count), None if isna(block) else int(block))
        rises[step] = Rise(intervention, table[:, :, at] - table[:, :, 0], noise)
    return rises


def ratio_to_query(rise: Rise, by_query: Rise) -> Estimate:
    """A rise divided by that of noise in W_Q, which has the same documents and noise seeds.

    None where the interval of the latter is not above 0: a ratio to what may be no damage at all
    says nothing. Without an interval if there are too few noise seeds.
    """
    if not by_query.mean.low > 0:
        return NO_RATIO
    both = numpy.stack(numpy.broadcast_arrays(rise.values, by_query.values), axis=2)
    ratio = statistics.function_of_means([both], lambda mean: mean[0] / mean[1])
    enough = len(by_query.values) >= statistics.ENOUGH_SEEDS
    return ratio if enough else Estimate(ratio.mean, numpy.nan, numpy.nan)


def changes_table(changes: Iterable[Sequence[OutputChange]]) -> DataFrame:
    """`output_changes.tsv`: how much the output of each block changes, by matrix and noise seed."""
    rows = [row for own in changes for row in own]
    return DataFrame(rows, columns=list(unit_columns.OUTPUT_CHANGES))
