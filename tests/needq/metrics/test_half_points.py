"""Half-points and shapes of curves whose truth is known."""

import numpy as np
import pandas
import pytest
from needq.metrics import half_points, statistics
from simulated import BLOCKS, answers, true_half_point


def test_half_points_of_known_curves():
    straight = 0.9 - 0.1 * np.arange(5)  # 0.9 to 0.5
    assert half_points.half_point(np.arange(5.0), straight, 0.5) == pytest.approx(2)
    assert half_points.half_point(np.array([0, 3.0, 6, 9, 12]), straight, 0.5) == pytest.approx(6)
    assert half_points.half_point(np.arange(5.0), straight, 0.3) == pytest.approx(3)
    broken = np.array([1.0, 1, 1, 0, 0])
    assert half_points.half_point(np.arange(5.0), broken, 0.0) == pytest.approx(2.5)


def test_a_curve_that_rises_between_is_levelled_first():
    # 0.6 and 0.8 are pooled to 0.7, which is half-way from 0.9 to 0.5
    curve = np.array([0.9, 0.6, 0.8, 0.5])
    assert half_points.half_point(np.arange(4.0), curve, 0.5) == pytest.approx(1.0)


def test_a_curve_that_does_not_fall_so_far_has_no_half_point():
    assert half_points.half_point(np.arange(3.0), np.array([0.9, 0.85, 0.8]), 0.5) == np.inf
    assert np.isnan(half_points.half_point(np.arange(3.0), np.array([0.4, 0.4, 0.4]), 0.5))
    table = np.full((5, 8, 3), 0.9) - 0.01 * np.arange(5)[:, None, None]
    found = half_points.half_point_estimate(np.arange(3.0), table, 0.5)
    assert found.mean == found.high == np.inf
    found = half_points.half_point_difference(np.arange(3.0), [table, table], [0.5, 0.5])
    assert np.isnan([found.low, found.high]).all()


def test_an_interval_is_where_the_height_may_be_half_way():
    table = answers(np.random.default_rng(0), 6, 1.0, np.linspace(-1, 1, 5))
    found = half_points.half_point_estimate(BLOCKS, table, 0.5)
    for place, inside in (
        (found.low - 0.05, False),
        (found.low + 0.05, True),
        (found.high - 0.05, True),
        (found.high + 0.05, False),
    ):
        index, share = int(place), place - int(place)
        height = (1 - share) * table[:, :, index] + share * table[:, :, index + 1]
        above = statistics.mean_of_crossed(height - (table[:, :, 0] + 0.5) / 2)
        assert (above.low <= 0 <= above.high) == inside


@pytest.mark.parametrize(("scale", "spread"), [(1.0, 0.3), (1.0, 1.0), (2.0, 0.5)])
def test_intervals_of_half_points_cover_the_truth(scale, spread):
    """200 data sets of 5 noise seeds, 100 items of each of two tasks with shared seeds."""
    rng = np.random.default_rng([int(scale * 10), int(spread * 10)])
    truth = true_half_point(7, scale, spread)
    other = true_half_point(4, scale, spread, 0.8, 0.25)
    single = difference = 0
    for _ in range(200):
        shift = rng.normal(0, spread, 5)
        grammar = answers(rng, 7, scale, shift)
        cloze = answers(rng, 4, scale, shift, top=0.8, chance=0.25)
        found = half_points.half_point_estimate(BLOCKS, grammar, 0.5)
        single += found.low <= truth <= found.high
        found = half_points.half_point_difference(BLOCKS, [grammar, cloze], [0.5, 0.25])
        difference += found.low <= truth - other <= found.high
    # 3 standard errors of a share of 200 are 4.6%
    assert 0.9 <= single / 200 <= 0.995
    assert 0.9 <= difference / 200 <= 0.995


def both(rng, middles, scale, spread):
    shift = rng.normal(0, spread, 5)
    return [
        answers(rng, middles[0], scale, shift, items=300),
        answers(rng, middles[1], scale, shift, items=200, top=0.8, chance=0.25),
    ]


@pytest.mark.parametrize(
    ("middles", "scale", "shape"),
    [((5.5, 5.5), 0, "one break"), ((8.5, 3.5), 0, "two breaks"), ((6, 6), 1.5, "smooth")],
)
def test_shapes_of_known_curves_are_found(middles, scale, shape):
    rng = np.random.default_rng(0)
    found = [
        half_points.best_shape(
            half_points.shapes(BLOCKS, both(rng, middles, scale, 0.1), [0.5, 0.25])
        )
        for _ in range(4)
    ]
    assert found == [shape] * 4


def test_breaks_at_another_place_under_every_seed_are_undecided():
    rng = np.random.default_rng(0)
    shift = [-4, -2, 0, 2, 4]
    tables = [answers(rng, 6.5, 0, shift, items=300), answers(rng, 6.5, 0, shift, items=200)]
    assert half_points.best_shape(half_points.shapes(BLOCKS, tables, [0.5, 0.5])) == "undecided"


def test_errors_are_those_of_seeds_and_items_left_out():
    table = answers(np.random.default_rng(1), 5, 0.5, [0, 1, 2, -1, -2], items=10)
    scaled = (table - 0.5) / (table[:, :, 0].mean() - 0.5)
    excess = np.empty((5, 5))
    for seed in range(5):
        for fold in range(5):
            seeds = [other for other in range(5) if other != seed]
            items = [item for item in range(10) if item % 5 != fold]
            known = scaled[np.ix_(seeds, items)].mean((0, 1))
            new = scaled[seed, [fold, fold + 5]].mean(0)
            one, two = (((new - fitted(s, known)) ** 2).mean() for s in half_points.SHAPES[:2])
            excess[seed, fold] = one - two
    expected = statistics.mean_of_crossed(excess)
    found = half_points.shapes(BLOCKS, [table], [0.5]).iloc[0]
    assert (found["shape"], found["other"]) == ("one break", "two breaks")
    np.testing.assert_allclose(
        [found["excess"], found["low"], found["high"]],
        [expected.mean, expected.low, expected.high],
    )


def fitted(shape, curve):
    return half_points._best_fit(half_points._projections(shape, np.arange(len(curve))), curve)


def test_fits_are_least_squares():
    curve = np.array([1.0, 0.9, 0.2, 0.4, 0.0])
    np.testing.assert_allclose(fitted("one break", curve), [0.95, 0.95, 0.2, 0.2, 0.2])
    expected = [0.95, 0.95, 0.3, 0.3, 0.0]
    np.testing.assert_allclose(fitted("two breaks", curve), expected, atol=1e-12)
    smooth = 0.1 + 0.8 / (1 + np.exp((BLOCKS - 6) / 2))
    np.testing.assert_allclose(fitted("smooth", smooth), smooth, atol=1e-9)
    # a step is no smooth curve: at most a quarter falls between two points
    assert -np.diff(fitted("smooth", np.where(BLOCKS < 5.5, 1.0, 0.0))).min() < 0.3


def rows_of_tasks(seeds):
    """Rows of schemas.TASKS: grammar falls at 8 blocks, inference at 4."""
    rng, rows = np.random.default_rng(3), []
    shift = np.linspace(-0.5, 0.5, seeds)
    for task, kind, middle in (("grammar", "order", 8), ("cloze", "infer", 4)):
        table = answers(rng, middle, 0.5, shift, top=1.0, chance=0.5 if kind == "order" else 0.25)
        for seed, item, step in np.ndindex(table.shape):
            if step or not seed:
                row = {"sweep": "s", "intervention": f"q/s/{step:02d}", "blocks_replaced": step}
                own = f"{kind} {item // 2}" if task == "grammar" else kind
                row |= {"noise_seed": seed if step else None, "task": task, "kind": own}
                right = table[seed, item, step]
                rows.append(row | {"item": item, "right": right, "margin": right - 0.2})
    return pandas.DataFrame(rows)


def test_the_table_has_half_points_of_accuracies_and_margins():
    chances = {"grammar": 0.5, "cloze": 0.25}
    rows = rows_of_tasks(5)
    found = half_points.half_points_table(rows, "s", chances).set_index("measure")
    assert found.loc["half-point of grammar", "estimate"] == pytest.approx(8, abs=0.4)
    assert found.loc["half-point of cloze inference", "estimate"] == pytest.approx(4, abs=0.4)
    # inference falls from 0.8 to 0.05 of its margin: half of it is lost a little earlier
    assert found.loc["half-point of the cloze inference margin", "estimate"] < 4.2
    difference = found.loc["half-point of grammar minus that of cloze inference"]
    assert difference["low"] < 4 < difference["high"]
    assert "half-point of cloze copying" not in found.index
    few = half_points.half_points_table(rows_of_tasks(4), "s", chances).set_index("measure")
    assert few.loc["half-point of grammar", "low"] == "n too small"
    assert few.loc["shape", "verdict"] == "undecided"


def test_more_pairs_of_the_same_phenomena_make_no_interval_narrower():
    rows, chances = rows_of_tasks(5), {"grammar": 0.5, "cloze": 0.25}
    grammar = rows[rows["task"] == "grammar"]
    doubled = pandas.concat([grammar, grammar.assign(item=grammar["item"] + 1000)])
    once, twice = (half_points.half_points_table(r, "s", chances) for r in (grammar, doubled))
    pandas.testing.assert_frame_equal(once, twice)


def test_without_items_the_table_says_no_more_than_the_shape():
    rows = rows_of_tasks(5)
    chances = {"grammar": 0.5, "cloze": 0.0}
    found = half_points.half_points_table(rows[rows["task"] == "grammar"], "s", chances)
    assert found["measure"].tolist() == [
        "half-point of grammar",
        "half-point of the grammar margin",
        "shape",
    ]
    none = half_points.half_points_table(rows[:0], "s", chances)
    assert none["measure"].tolist() == ["shape"]


def test_the_p_of_a_comparison_is_that_of_its_interval():
    rng = np.random.default_rng(0)
    found = half_points.shapes(BLOCKS, both(rng, (6, 6), 1.5, 0.1), [0.5, 0.25])
    away = (found["low"] > 0) | (found["high"] < 0)
    assert ((found["p"] < 0.05) == away).all()
    same = np.broadcast_to(np.linspace(1, 0, 13), (5, 10, 13))
    assert (half_points.shapes(BLOCKS, [same], [0.0])["p"] <= 1).all()


def test_cells_of_a_sweep():
    keys = ["intervention", "blocks_replaced", "noise_seed", "item", "right"]
    rows = [("q/s/00", 0, None, item, 1.0) for item in (0, 1, 2)]
    for seed in (4, 7):
        for blocks in (1, 2):
            for item in (0, 1, 2):
                value = 100 * seed + 10 * blocks + item
                rows.append((f"q/s/{blocks:02d}", blocks, seed, item, value))
    rows = pandas.DataFrame(rows, columns=keys)
    found, blocks = half_points.cells(rows.sample(frac=1, random_state=0), "right", "item")
    assert list(blocks) == [0, 1, 2]
    assert found.shape == (2, 3, 3)
    assert (found[:, :, 0] == 1).all()
    assert found[1, 2].tolist() == [1, 712, 722]
    assert found[0, 0].tolist() == [1, 410, 420]
    twice = pandas.concat([rows, rows.assign(right=rows["right"] + 2)])  # two sample seeds
    assert half_points.cells(twice, "right", "item")[0][1, 2].tolist() == [2, 713, 723]
    with pytest.raises(ValueError, match="lacks an item or a step"):
        half_points.cells(rows.iloc[:-1], "right", "item")
