"""Half-points: with how many blocks replaced each task is half lost, and the shape of the decline.

A curve is the mean of the answers to task items (1 right, 0 wrong) or of their margins, as shares
of the pristine model's, by the number of blocks replaced. Noise seeds and items are both random, so
all intervals are over both.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy
from pandas import DataFrame
from scipy.optimize import isotonic_regression
from scipy.special import stdtr

from needq.common import columns
from needq.common.keys import GRAMMAR, INFERENCE, TOO_SMALL
from needq.metrics import statistics
from needq.metrics.holm import UNDECIDED
from needq.metrics.statistics import Estimate
from needq.metrics.task_summary import by_task

ITEM_FOLDS = 5
STEP = 0.06  # accuracy, or share of the margin; about a standard error with 5 noise seeds
SHAPES = ("one break", "two breaks", "smooth")
PAIRS = (("one break", "two breaks"), ("smooth", "one break"), ("smooth", "two breaks"))


def cells(rows: DataFrame, column: str, item: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The values of one sweep as an array (seeds, items, steps), and the blocks of each step.

    `rows` has `noise_seed`, `intervention`, `blocks_replaced`, and the columns named by `column`
    and `item`; several rows of a cell (sample seeds) are averaged. Steps go by blocks replaced,
    then by intervention. The pristine model, which has no noise seed, comes first and is the same
    for every seed. A sweep without noise counts as one seed. ValueError if a seed lacks an item or
    a step.
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
    values = numpy.empty((len(seeds), len(pristine), 1 + table.shape[1]))
    for index, seed in enumerate(seeds):
        values[index, :, 0] = pristine
        values[index, :, 1:] = table.loc[seed].reindex(pristine.index)
    if numpy.isnan(values).any():
        raise ValueError(f"{column}: some noise seed lacks an item or a step")
    return values, steps["blocks_replaced"].to_numpy(float)


def half_point(blocks: numpy.ndarray, curve: numpy.ndarray, chance: float) -> float:
    """The number of blocks at which a curve has fallen half-way from its start to `chance`.

    The curve is first made to fall everywhere (isotonic regression, Barlow et al. 1972), then
    interpolated between its steps. Infinite if it does not fall half-way, NaN if it starts at
    chance.
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

    The interval contains every number of blocks at which the curve may be half-way: where the
    interval of its height above half-way, a mean over seeds and items, contains 0 (Fieller 1954).
    Its upper end is infinite if the curve may not fall half-way within the sweep.
    """
    value = half_point(blocks, table.mean((0, 1)), chance)
    places = places_between(blocks)
    height = table @ weights_of(blocks, places, -0.5) - chance / 2
    above = statistics.interval(*statistics.crossed_variance(numpy.moveaxis(height, 2, 0)))
    return crossing(places, above, value)


def places_between(blocks: numpy.ndarray) -> numpy.ndarray:
    """The numbers of blocks at which the height of a curve is looked at."""
    return numpy.linspace(blocks[0], blocks[-1], 50 * len(blocks))


def weights_of(
    blocks: numpy.ndarray, places: numpy.ndarray, first: float, last: float = 0.0
) -> numpy.ndarray:
    """The weights (steps, places) that interpolate a curve at `places`.

    They add `first` times its first step, and `last` times its last.
    """
    weights = numpy.stack([numpy.interp(places, blocks, unit) for unit in numpy.eye(len(blocks))])
    weights[0] += first
    weights[-1] += last
    return weights


def crossing(places: numpy.ndarray, above: Estimate, value: float) -> Estimate:
    """Where a curve crosses a level: `value`, with the places where the crossing may be.

    `above` is the height above the level at each place, with its interval. The interval reaches
    from the first place where that contains 0 to the last; infinite if it does so at the last one.
    """
    lowest, highest = numpy.asarray(above.low), numpy.asarray(above.high)
    if numpy.isnan(lowest).any() or numpy.isnan(value):
        return Estimate(value, numpy.nan, numpy.nan)
    fallen = numpy.nonzero(lowest <= 0)[0]
    low = places[fallen[0]] if fallen.size else numpy.inf
    standing = numpy.nonzero(highest >= 0)[0]
    high = places[standing[-1]] if standing[-1] < len(places) - 1 else numpy.inf
    return Estimate(value, min(low, value), max(high, value))


def half_point_difference(
    blocks: numpy.ndarray, tables: Sequence[numpy.ndarray], chances: Sequence[float]
) -> Estimate:
    """The half-point of the first table minus that of the second, in blocks.

    Both tables have the same noise seeds; each has items of its own. The interval is that of
    `statistics.function_of_means`. A half-point is not a smooth function of the means, so slopes
    are taken over STEP.
    """
    return statistics.function_of_means(
        tables,
        lambda first, second: (
            half_point(blocks, first, chances[0]) - half_point(blocks, second, chances[1])
        ),
        STEP,
    )


def shapes(
    blocks: numpy.ndarray, tables: Sequence[numpy.ndarray], chances: Sequence[float]
) -> DataFrame:
    """Whether accuracy falls in one break, in two breaks, or smoothly, by cross-validation.

    The shapes are fitted to the mean accuracy of the tables (seeds, items, steps), each scaled to 1
    for the pristine model and 0 for chance. Each of SHAPES is fitted by least squares to all noise
    seeds but one and all items but a fifth, and judged by its mean squared error on that seed and
    these items. Returns a row for each pair of shapes: `shape`, `other`, and `excess`, the error of
    the first minus that of the other, with its interval `low` to `high` over noise seeds and folds
    of items, and the two-sided `p` of no difference.
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
            known, new = numpy.zeros(len(blocks)), numpy.zeros(len(blocks))
            for table in scaled:
                out = numpy.arange(table.shape[1]) % ITEM_FOLDS == fold
                known = known + numpy.delete(table, seed, 0)[:, ~out].mean((0, 1)) / len(scaled)
                new = new + table[seed][out].mean(0) / len(scaled)
            for shape in SHAPES:
                fitted = _best_fit(projections[shape], known)
                errors[shape][seed, fold] = numpy.mean((new - fitted) ** 2)
    rows = []
    for shape, other in PAIRS:
        moments = statistics.crossed_variance(errors[shape] - errors[other])
        excess = statistics.interval(*moments)
        error = float(moments[1]) ** 0.5
        t = abs(float(excess.mean)) / error if error else 0.0
        rows.append(
            {
                "shape": shape,
                "other": other,
                "excess": float(excess.mean),
                "low": float(excess.low),
                "high": float(excess.high),
                "p": float(2 * stdtr(moments[2], -t)),
            }
        )
    return DataFrame(rows)


def best_shape(compared: DataFrame) -> str:
    """The shape that `shapes` shows to be best: one of SHAPES, or undecided.

    Smooth, if its error is clearly below that of both others (the whole interval is below 0).
    Two breaks, if its error is clearly below that of both others. One break is the special case of
    two breaks where two levels are equal, so its error need not be clearly below that of two
    breaks: it is chosen if the error of smooth is clearly above its error and that of two breaks
    is not clearly below it.
    """
    one_above_two, smooth_above_one, smooth_above_two = compared["low"] > 0
    if (compared["high"][1:] < 0).all():
        return "smooth"
    if one_above_two and smooth_above_two:
        return "two breaks"
    if smooth_above_one and not one_above_two:
        return "one break"
    return UNDECIDED


def half_points_table(answers: DataFrame, sweep: str, chances: Mapping[str, float]) -> DataFrame:
    """`half_points.tsv`, from the answers (rows of schemas.TASKS) of one backend under a sweep.

    The half-points of the accuracy (half-way to chance) and of the margin (half-way to 0) on each
    task, and their differences, in blocks; then the comparisons of the shapes of margins. An item
    of grammar is a phenomenon, whose pairs are averaged, as in the claims. `chances` are the
    accuracies that guessing gives on grammar and cloze. A task without items is left out.
    """
    tables, blocks = {}, numpy.empty(0)
    for task, rows in by_task(answers[answers["sweep"] == sweep]).items():
        if len(rows):
            unit = "kind" if task == GRAMMAR else "item"  # pairs of a phenomenon are alike
            right, blocks = cells(rows, "right", unit)
            margin, _ = cells(rows, "margin", unit)
            tables[task] = right, margin / margin[:, :, 0].mean()
    estimates = {}
    for task, (right, margin) in tables.items():
        chance = chances[GRAMMAR if task == GRAMMAR else "cloze"]
        estimates[f"half-point of {task}"] = half_point_estimate(blocks, right, chance)
        estimates[f"half-point of the {task} margin"] = half_point_estimate(blocks, margin, 0.0)
    shape, seeds = UNDECIDED, 0
    if GRAMMAR in tables and INFERENCE in tables:
        both = [tables[task][0] for task in (GRAMMAR, INFERENCE)]
        margins = [tables[task][1] for task in (GRAMMAR, INFERENCE)]
        seeds, guesses = len(both[0]), [chances[GRAMMAR], chances["cloze"]]
        for name, own, levels in (("", both, guesses), (" margin", margins, [0.0, 0.0])):
            estimates[f"half-point of {GRAMMAR}{name} minus that of {INFERENCE}{name}"] = (
                half_point_difference(blocks, own, levels)
            )
        compared = shapes(blocks, margins, [0.0, 0.0])
        shape = best_shape(compared)
        for row in compared.itertuples():
            name = f"squared error of {row.shape} minus squared error of {row.other}"
            estimates[name] = Estimate(row.excess, row.low, row.high)
    few = seeds < statistics.ENOUGH_SEEDS
    rows = [
        {
            "measure": name,
            "estimate": float(estimate.mean),
            "low": TOO_SMALL if few else float(estimate.low),
            "high": TOO_SMALL if few else float(estimate.high),
        }
        for name, estimate in estimates.items()
    ]
    rows.append({"measure": "shape", "verdict": UNDECIDED if few else shape})
    return DataFrame(rows, columns=list(columns.HALF_POINTS))


def _projections(shape: str, blocks: numpy.ndarray) -> numpy.ndarray:
    """The matrices [fits, points, points] that turn a curve into its least-squares fits of a shape.

    n breaks: n + 1 levels, for all positions of the breaks. smooth: a logistic decline between two
    levels. Its scale is at least the mean distance of two points, so that at most tanh(1/4), a
    quarter of the decline, lies between two points; a steeper decline would be a break.
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
