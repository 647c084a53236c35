"""How much of the damage by noise in W_Q is recovered when other parameters are trained."""

from collections.abc import Iterator

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.common.healing import DECIDING
from needq.metrics import statistics
from needq.metrics.claim_tests import HALF, of_function
from needq.metrics.estimates import as_columns
from needq.metrics.holm import Outcome, in_range, untested
from needq.metrics.statistics import ENOUGH_SEEDS

TEST = "share of the damage by W_Q that is recovered by refitting W_K, W_V and W_O"


def healing_table(rows: DataFrame) -> DataFrame:
    """`healing.tsv`: for each set, number of blocks (0: the control) and step.

    `rows` are those of schemas.HEALING: `parameters`, `blocks_replaced`, `noise_seed`, `step`,
    `document` and `nll`.
    """
    table: list[dict[str, object]] = []
    for parameters in dict.fromkeys(rows["parameters"]):
        for blocks, steps, values in trainings(rows, parameters):
            for index, step in enumerate(steps):
                row: dict[str, object] = {"parameters": parameters, "blocks_replaced": blocks}
                row |= {"step": step, **_estimates(blocks, values, index)}
                seeds = len(values) if blocks else 0
                table.append(row | {"noise_seeds": seeds, "documents": values.shape[1]})
    return DataFrame(table, columns=list(columns.HEALING))


def trainings(rows: DataFrame, parameters: str) -> Iterator[tuple[int, list[int], numpy.ndarray]]:
    """For each number of blocks: the steps, and the nll (seeds, documents, steps, 2).

    The last axis has the model that is healed, and the control that was trained as long. With no
    block replaced, both are the control, as one seed.
    """
    own = rows[rows["parameters"] == parameters]
    control = _by_step(own[own["blocks_replaced"] == 0])
    steps = [int(step) for step in control.columns]
    for blocks in sorted(own["blocks_replaced"].unique()):
        part = own[own["blocks_replaced"] == blocks]
        seeds = part["noise_seed"].astype(float).fillna(-1)
        healed = numpy.stack([_by_step(part[seeds == seed]) for seed in sorted(seeds.unique())])
        both = [healed, numpy.broadcast_to(control.to_numpy(float), healed.shape)]
        yield int(blocks), steps, numpy.stack(both, axis=3)


def _by_step(rows: DataFrame) -> DataFrame:
    return (
        rows.pivot(index="document", columns="step", values="nll").sort_index().sort_index(axis=1)
    )


def _estimates(blocks: int, values: numpy.ndarray, index: int) -> dict[str, float]:
    """The columns of one step, which is step number `index` of `values` (see `trainings`)."""
    if index == 0 and not blocks:  # 0 by definition, so without an interval
        return {"rise": 0.0}
    rise = values[:, :, index, 0] - values[:, :, 0, 1]
    if not blocks:
        return as_columns("rise", statistics.mean_of_items(rise[0]))
    found = as_columns("rise", statistics.mean_of_crossed(rise))
    above = values[:, :, index, 0] - values[:, :, index, 1]
    found |= as_columns("rise_over_control", statistics.mean_of_crossed(above))
    if index == 0:
        return found | {"recovered": 0.0, "recovered_absolute": 0.0}
    measured = [four(values, index)]
    found |= as_columns("recovered", statistics.function_of_means(measured, recovered))
    absolute = statistics.function_of_means(measured, recovered_absolute)
    return found | as_columns("recovered_absolute", absolute)


def four(values: numpy.ndarray, index: int) -> numpy.ndarray:
    """The nll (seeds, documents, 4): pristine, damaged; and, at a step, healed and control."""
    return numpy.stack(
        [values[:, :, 0, 1], values[:, :, 0, 0], values[:, :, index, 0], values[:, :, index, 1]],
        axis=2,
    )


def recovered(mean: numpy.ndarray) -> float:
    """The share of the damage that is recovered, beside the control; `mean` is of `four`."""
    pristine, damaged, healed, control = mean
    return float(1 - (healed - control) / (damaged - pristine))


def recovered_absolute(mean: numpy.ndarray) -> float:
    """The share of the damage that is recovered, beside the pristine model as it was."""
    pristine, damaged, healed, _ = mean
    return float(1 - (healed - pristine) / (damaged - pristine))


def compensated(rows: DataFrame, n_blocks: int) -> Outcome:
    """C4: whether W_K, W_V and W_O recover most of the damage by W_Q of all `n_blocks` blocks."""
    if DECIDING not in set(rows["parameters"]):
        return untested("C4", f"{TEST}; above 1/2", f"needs healing.parameters: [{DECIDING}]")
    *_, (blocks, steps, values) = trainings(rows, DECIDING)
    test = f"{TEST} for {steps[-1]} steps, while W_Q of all blocks stays noise; above 1/2"
    measured = four(values, -1)
    damage = statistics.mean_of_crossed(measured[:, :, 1] - measured[:, :, 0])
    if blocks < n_blocks:
        return untested("C4", test, "needs all in healing.blocks_replaced")
    if len(values) < ENOUGH_SEEDS:
        return untested("C4", test, f"{len(values)} noise seeds healed; needs {ENOUGH_SEEDS}")
    if not damage.low > 0:
        return untested("C4", test, "noise in W_Q does no clear damage that could be recovered")
    return in_range("C4", test, of_function([measured], recovered), HALF, numpy.inf)
