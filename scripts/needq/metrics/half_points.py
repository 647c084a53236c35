"""Phases: at how many blocks meaning and structure are half lost, and in how many steps they fall.

Curves are means of answers to probe items (1 right, 0 wrong) by blocks replaced. Noise seeds and
items are both random, so what is said about curves is said with intervals over both.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy
from pandas import DataFrame
from scipy.optimize import isotonic_regression

from needq.common import columns, keys
from needq.metrics import statistics
from needq.metrics.statistics import Estimate

ITEM_FOLDS = 5
STEP = 0.06  # accuracy; about its standard error with 5 noise seeds
SHAPES = ("one break", "two breaks", "smooth")
PAIRS = (("one break", "two breaks"), ("smooth", "one break"), ("smooth", "two breaks"))
UNDECIDED = "undecided"


def cells(rows: DataFrame, column: str, item: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The values of one sweep as an array (seeds, items, steps), and the blocks of each step.

    `rows` has `noise_seed`, `intervention`, `blocks_replaced`, and the columns named by `column`
    and `item`; several rows of a cell (sample seeds) are averaged. Steps go by blocks replaced,
    then by intervention. The pristine model, which has no noise seed, stands first and is the same
    for each. A sweep without noise counts as one seed. ValueError if a seed lacks an item or a
    step.
    """
    steps = (
        rows[["blocks_replaced", "intervention"]]
        .drop_duplicates()
        .sort_values(["blocks_replaced", "intervention"])
    )
    pristine = rows[rows["blocks_replaced"] == 0].groupby(item)[column].mean()
    replaced = rows[rows["blocks_replaced"] > 0].assign(
        noise_seed=lambda part: part["noise_seed"].astype(float).fillna(-1)
    )
    table = replaced.groupby(["noise_seed", item, "intervention"])[column].mean().unstack()
    table = table[list(steps["intervention"][steps["blocks_replaced"] > 0])]
    seeds = table.index.get_level_values(0).unique()
    found = numpy.empty((len(seeds), len(pristine), 1 + table.shape[1]))
    for index, seed in enumerate(seeds):
        found[index, :, 0] = pristine
        found[index, :, 1:] = table.loc[seed].reindex(pristine.index)
    if numpy.isnan(found).any():
        raise ValueError(f"{column}: some noise seed lacks an item or a step")
    return found, steps["blocks_replaced"].to_numpy(float)


def half_point(blocks: numpy.ndarray, curve: numpy.ndarray, chance: float) -> float:
    """The number of blocks at which a curve has fallen half-way from its start to `chance`.

    The curve is first made to fall only (isotonic regression, Barlow et al. 1972), then read
    linearly between its steps. Infinite if it does not fall so far.
    """
    falling = isotonic_regression(curve, increasing=False).x
    half = (falling[0] + chance) / 2
    below = numpy.nonzero(falling <= half)[0]
    if not below.size:
        return numpy.inf
    after = below[0]
    if after == 0:  # it starts at chance
        return numpy.nan
    share = (falling[after - 1] - half) / (falling[after - 1] - falling[after])
    return float(blocks[after - 1] + share * (blocks[after] - blocks[after - 1]))


def half_point_estimate(blocks: numpy.ndarray, table: numpy.ndarray, chance: float) -> Estimate:
    """The half-point of the mean curve of a table (seeds, items, steps), in blocks.

    The interval holds every number of blocks at which the curve may be half-way: where the
    interval of its height above half-way, a mean over seeds and items, contains 0 (Fieller 1954).
    Its upper end is infinite if the curve may not fall so far within the sweep.
    """
    value = half_point(blocks, table.mean((0, 1)), chance)
    places = numpy.linspace(blocks[0], blocks[-1], 50 * len(blocks))
    weights = numpy.stack([numpy.interp(places, blocks, one) for one in numpy.eye(len(blocks))])
    weights[0] -= 0.5
    height = numpy.moveaxis(table @ weights, 2, 0) - chance / 2
    above = statistics.interval(*statistics.crossed_variance(height))
    if numpy.isnan(above.low).any() or numpy.isnan(value):
        return Estimate(value, numpy.nan, numpy.nan)
    fallen = numpy.nonzero(above.low <= 0)[0]
    low = places[fallen[0]] if fallen.size else numpy.inf
    standing = numpy.nonzero(above.high >= 0)[0]
    high = places[standing[-1]] if standing[-1] < len(places) - 1 else numpy.inf
    return Estimate(value, min(low, value), max(high, value))


def half_point_difference(
    blocks: numpy.ndarray, tables: Sequence[numpy.ndarray], chances: Sequence[float]
) -> Estimate:
    """By how many blocks the half-point of the first table lies beyond that of the second.

    Both have the same noise seeds, and items of their own. The interval is that of
    `statistics.of_means`; the half-points change with a mean by kinks, so slopes are taken over
    STEP.
    """
    return statistics.of_means(
        tables,
        lambda one, other: (
            half_point(blocks, one, chances[0]) - half_point(blocks, other, chances[1])
        ),
        STEP,
    )


def shapes(
    blocks: numpy.ndarray, tables: Sequence[numpy.ndarray], chances: Sequence[float]
) -> DataFrame:
    """Whether the loss comes in one break, in two, or smoothly, by cross-validation.

    What is described is the mean of the tables' (seeds, items, steps) accuracies, each scaled to 1
    for the pristine model and 0 at chance. Each of SHAPES is fitted by least squares to all noise
    seeds but one and all items but a fifth, and judged by its mean squared error on that seed and
    these items. Returns a row for each pair of shapes: `shape`, `other`, and `excess`, `low` and
    `high`, by how much the first's error exceeds the other's, with the interval over noise seeds
    and folds of items.
    """
    scaled = [
        (table - chance) / (table[:, :, 0].mean() - chance)
        for table, chance in zip(tables, chances, strict=True)
    ]
    seeds = len(scaled[0])
    projections = {shape: _projections(shape, blocks) for shape in SHAPES}
    errors = {shape: numpy.empty((seeds, ITEM_FOLDS)) for shape in SHAPES}
    for seed in range(seeds):
        for fold in range(ITEM_FOLDS):
            known, new = 0.0, 0.0
            for table in scaled:
                out = numpy.arange(table.shape[1]) % ITEM_FOLDS == fold
                known = known + numpy.delete(table, seed, 0)[:, ~out].mean((0, 1)) / len(scaled)
                new = new + table[seed][out].mean(0) / len(scaled)
            for shape in SHAPES:
                fitted = _best_fit(projections[shape], known)
                errors[shape][seed, fold] = numpy.mean((new - fitted) ** 2)
    rows = []
    for shape, other in PAIRS:
        excess = statistics.mean_of_crossed(errors[shape] - errors[other])
        rows.append(
            {
                "shape": shape,
                "other": other,
                "excess": float(excess.mean),
                "low": float(excess.low),
                "high": float(excess.high),
            }
        )
    return DataFrame(rows)


def best_shape(compared: DataFrame) -> str:
    """The shape that `shapes` shows to be best: one of SHAPES, or undecided.

    Smooth, if its error is clearly below that of both others (the interval is below 0). Two
    breaks, if clearly below both others. One break is the special case of two whose levels are
    equal, so it need not be clearly below: it is taken if smooth is clearly above it and two
    breaks are not clearly below it.
    """
    one_above_two, smooth_above_one, smooth_above_two = compared["low"] > 0
    if (compared["high"][1:] < 0).all():
        return "smooth"
    if one_above_two and smooth_above_two:
        return "two breaks"
    if smooth_above_one and not one_above_two:
        return "one break"
    return UNDECIDED


def half_points_table(
    blocks: numpy.ndarray, tables: Mapping[str, numpy.ndarray], chances: Mapping[str, float]
) -> DataFrame:
    """`phases.tsv`, from the answers (seeds, items, steps) to grammar and cloze.

    Half-points of both and their difference, in blocks, then the shapes of the decline compared.
    """
    names = ("grammar", "cloze")
    both, chance = [tables[name] for name in names], [chances[name] for name in names]
    found = {
        f"half-point of {name}": half_point_estimate(blocks, one, guess)
        for name, one, guess in zip(names, both, chance, strict=True)
    }
    found["half-point of grammar less that of cloze"] = half_point_difference(blocks, both, chance)
    compared = shapes(blocks, both, chance)
    for row in compared.itertuples():
        name = f"squared error of {row.shape} less that of {row.other}"
        found[name] = Estimate(row.excess, row.low, row.high)
    few = len(both[0]) < statistics.ENOUGH_SEEDS
    rows = [
        {
            "measure": name,
            "estimate": float(one.mean),
            "low": keys.TOO_SMALL if few else float(one.low),
            "high": keys.TOO_SMALL if few else float(one.high),
        }
        for name, one in found.items()
    ]
    rows.append({"measure": "shape", "verdict": UNDECIDED if few else best_shape(compared)})
    return DataFrame(rows, columns=list(columns.PHASES))


def _projections(shape: str, blocks: numpy.ndarray) -> numpy.ndarray:
    """What turns a curve into its least-squares fits [fits, points, points] of one shape.

    With n breaks: n + 1 levels, for all places of the breaks. Smooth: a logistic fall between two
    levels, whose scale is at least the mean distance of two points, so that no more than
    tanh(1/4), a quarter of it, falls between two of them: a steeper one would be a break.
    """
    if shape == "smooth":
        apart = numpy.diff(blocks).mean()
        middles = numpy.arange(blocks[0], blocks[-1] + apart / 8, apart / 4)
        scales = apart * 2.0 ** numpy.arange(0, 3.25, 0.25)
        designs = [
            numpy.stack([numpy.ones(len(blocks)), 1 / (1 + numpy.exp((blocks - m) / s))], axis=1)
            for m in middles
            for s in scales
        ]
    else:
        starts = combinations(range(1, len(blocks)), 1 + SHAPES.index(shape))
        designs = [
            (numpy.arange(len(blocks))[:, None] >= numpy.array([0, *start])).astype(float)
            for start in starts
        ]
    return numpy.stack([design @ numpy.linalg.pinv(design) for design in designs])


def _best_fit(projections: numpy.ndarray, curve: numpy.ndarray) -> numpy.ndarray:
    fits = projections @ curve
    return fits[((fits - curve) ** 2).sum(1).argmin()]
