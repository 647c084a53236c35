"""The tables of doses: how damage grows with the dose, and the dose that does half of it."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy
from pandas import DataFrame

from needq.common import unit_columns
from needq.common.keys import SCALED, TOO_SMALL
from needq.common.units import Step
from needq.metrics import statistics
from needq.metrics.estimates import as_columns
from needq.metrics.half_points import crossing, half_point, places_between, weights_of
from needq.metrics.rises import mean_rise, sweep_rises
from needq.metrics.statistics import Estimate

HALF = "half-damage dose"
BELOW, ABOVE = "half-damage factor below 1", "half-damage factor above 1"
UNCHANGED = 1.0  # the factor of the pristine model


def doses_tables(evaluation: DataFrame, steps: Sequence[Step]) -> tuple[DataFrame, DataFrame]:
    """`doses.tsv` and `half_doses.tsv`, sweep by sweep.

    `evaluation` has `document` and `nll` of one backend, with the columns of an intervention.
    """
    rows: list[dict[str, object]] = []
    halves: list[dict[str, object]] = []
    for _, group in groupby(steps, lambda step: step["sweep"]):
        own = sorted(group, key=lambda step: step["dose"])
        rises = dict(sweep_rises(evaluation, own[0]["sweep"]))
        shape = next(iter(rises.values())).shape
        noise = own[0]["method"] != SCALED
        for step in own:
            # the pristine model, whose rise is 0 by definition, has no interval
            pristine = step["intervention"] not in rises
            rise = Estimate(0.0, numpy.nan, numpy.nan)
            if pristine:
                rises[step["intervention"]] = numpy.zeros(shape)
            else:
                rise = mean_rise(rises[step["intervention"]], noise)
            row: dict[str, object] = {**step, **as_columns("rise", rise), "documents": shape[1]}
            rows.append(row | {"noise_seeds": shape[0] if noise and not pristine else 0})
        known = {step["dose"]: rises[step["intervention"]] for step in own}
        about = {name: own[0][name] for name in ("sweep", "matrix")}
        halves += [about | half for half in half_doses(known, noise)]
    return (
        DataFrame(rows, columns=list(unit_columns.DOSES)),
        DataFrame(halves, columns=list(unit_columns.HALF_DOSES)),
    )


def half_doses(rises: Mapping[float, numpy.ndarray], noise: bool) -> list[dict[str, object]]:
    """The half-damage doses of a sweep, from its rises (seeds, documents) by dose, 0 included.

    Without noise, the doses are factors: there is one below 1, and one above, as far as they were
    run. The rise of the pristine model (dose 0, or factor 1) is 0.
    """
    if noise:
        found = [(HALF, *half_dose(sorted(rises.items()), noise))]
        few = len(next(iter(rises.values()))) < statistics.ENOUGH_SEEDS
    else:
        sides = {
            BELOW: [(UNCHANGED - dose, rise) for dose, rise in rises.items() if dose <= UNCHANGED],
            ABOVE: [(dose - UNCHANGED, rise) for dose, rise in rises.items() if dose >= UNCHANGED],
        }
        found = []
        for measure, curve in sides.items():
            if len(curve) > 1:
                far, full = half_dose(sorted(curve, key=lambda point: point[0]), noise)
                found.append((measure, _mirrored(far) if measure == BELOW else _moved(far), full))
        few = False
    return [
        {
            "measure": measure,
            "estimate": float(half.mean),
            "low": TOO_SMALL if few else float(half.low),
            "high": TOO_SMALL if few else float(half.high),
            "full_rise": full,
        }
        for measure, half, full in found
    ]


def half_dose(curve: Sequence[tuple[float, numpy.ndarray]], noise: bool) -> tuple[Estimate, float]:
    """The place at which a curve has half of its last height, with its interval; and that height.

    `curve` has places in ascending order, each with rises (seeds, documents); at the first one they
    are 0. The place is found as `half_points.half_point` finds it. Its interval contains every
    place at which the curve may be half as high as at its end (Fieller 1954): where the interval
    of the difference contains 0.
    """
    places = numpy.array([place for place, _ in curve])
    fallen = -numpy.stack([rise for _, rise in curve], axis=2)  # falls, as accuracy does
    mean = fallen.mean((0, 1))
    value = half_point(places, mean, mean[-1])
    between = places_between(places)
    height = numpy.moveaxis(fallen @ weights_of(places, between, -0.5, -0.5), 2, 0)
    if noise:
        moments = statistics.crossed_variance(height)
    else:
        own = height[:, 0]
        count = own.shape[1]
        variance = own.var(1, ddof=1) / count if count > 1 else numpy.full(len(own), numpy.nan)
        moments = own.mean(1), variance, numpy.full(len(own), count - 1)
    return crossing(between, statistics.interval(*moments), value), -float(mean[-1])


def _moved(far: Estimate) -> Estimate:
    """A distance from the pristine model upwards, as a factor."""
    return Estimate(UNCHANGED + far.mean, UNCHANGED + far.low, UNCHANGED + far.high)


def _mirrored(far: Estimate) -> Estimate:
    """A distance from the pristine model downwards, as a factor; -inf for none."""
    return Estimate(UNCHANGED - far.mean, UNCHANGED - far.high, UNCHANGED - far.low)
