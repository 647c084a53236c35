"""Intervals cover the truth as often as they say, and agree with independent references."""

import numpy
import pytest
from needq.metrics import statistics
from scipy import stats
from simulated import RATIOS, SIZES, coverage, simulated


@pytest.mark.parametrize(("seeds", "items"), SIZES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_intervals_cover_the_truth(seeds, items, ratio):
    rng = numpy.random.default_rng([seeds, items, RATIOS.index(ratio)])
    covered = coverage(simulated(seeds, items, ratio, rng))
    assert 0.91 <= covered <= 0.975 if seeds == 3 else 0.93 <= covered <= 0.973


@pytest.mark.parametrize(
    ("items", "ratio"),
    [
        (100, (0.2, 11, 1)),  # rise of pocket-gpt2's documents with 1 block replaced
        (100, (0.9, 31, 1)),  # with 6
        (100, (0.5, 20, 1)),  # with 12
        (100, (3.2, 13, 1)),  # kl with 1 block replaced
        (100, (1.1, 27, 1)),  # with 6
        (100, (0.1, 7, 1)),  # top1_agreement
        (6, (0.05, 1, 1)),  # pristine_nll of its texts
        (6, (1, 0.3, 1)),  # and where noise matters more than the prompt
    ],
)
def test_intervals_cover_93_to_97_percent_at_the_default_size(items, ratio):
    rng = numpy.random.default_rng([items, int(100 * ratio[0])])
    for _ in range(3):
        assert 0.93 <= coverage(simulated(5, items, ratio, rng, 5000)) <= 0.97


@pytest.mark.parametrize("ratio", [(0.05, 0.1, 1), (0.1, 0.1, 1), (0.02, 0, 1)])
def test_small_effects_of_seeds_and_items_are_covered(ratio):
    """Two mean squares that both contain a large residual have fewer degrees of freedom."""
    rng = numpy.random.default_rng(7)
    values = simulated(5, 100, ratio, rng, 12_000)
    assert 0.938 <= coverage(values) <= 0.97
    mean, variance, freedom = statistics.crossed_variance(values)
    found = statistics.function_variance([values[0][:, :, None]], lambda mean: mean[0])
    numpy.testing.assert_allclose(found, (mean[0], variance[0], freedom[0]))


def test_a_function_of_one_table_of_means_is_a_crossed_mean():
    rng = numpy.random.default_rng(5)
    table = rng.normal(size=(5, 7, 2)) + rng.normal(size=(5, 1, 1)) + rng.normal(size=(1, 7, 1))
    found = statistics.function_of_means([table], lambda mean: 3 * mean[0] - 2 * mean[1])
    expected = statistics.mean_of_crossed(3 * table[:, :, 0] - 2 * table[:, :, 1])
    numpy.testing.assert_allclose(
        [found.mean, found.low, found.high], [expected.mean, expected.low, expected.high]
    )
    flat = numpy.tile(rng.normal(size=(5, 7, 1)), (1, 1, 2))  # no effects: the residual's freedom
    flat -= flat.mean(0) + flat.mean(1, keepdims=True) - flat.mean()
    found = statistics.function_of_means([flat], lambda mean: mean[0])
    expected = statistics.mean_of_crossed(flat[:, :, 0])
    assert found.low == pytest.approx(expected.low)


def test_a_ratio_of_tables_that_share_their_seeds_covers_the_truth():
    rng = numpy.random.default_rng(6)
    covered, count = 0, 1000
    for _ in range(count):
        by_seed = 0.3 * rng.normal(size=(5, 1, 1))
        one = 4 + by_seed + 0.5 * rng.normal(size=(1, 29, 1)) + 0.3 * rng.normal(size=(5, 29, 1))
        other = 2 + by_seed + 0.5 * rng.normal(size=(1, 12, 1)) + 0.3 * rng.normal(size=(5, 12, 1))
        found = statistics.function_of_means([one, other], lambda a, b: a[0] / b[0])
        covered += found.low <= 2 <= found.high
    assert 0.93 <= covered / count <= 0.97


def test_a_function_without_a_finite_value_has_no_interval():
    table = numpy.arange(30.0).reshape(5, 6, 1)
    assert numpy.isnan(statistics.function_of_means([table], lambda mean: numpy.inf).low)
    assert numpy.isnan(statistics.function_of_means([table[:1]], lambda mean: mean[0]).low)
    assert statistics.function_of_means([table[:1]], lambda mean: mean[0]).mean == 2.5


def test_treating_cells_as_independent_would_cover_too_little():
    values = simulated(5, 16, (0.2, 0.5, 0.2), numpy.random.default_rng(1))
    flat = values.reshape(len(values), -1)
    half = stats.t.ppf(0.975, flat.shape[1] - 1) * stats.sem(flat, axis=1)
    assert (numpy.abs(flat.mean(1)) <= half).mean() < 0.7


def test_variance_equals_a_naive_analysis_of_variance():
    values = numpy.random.default_rng(2).normal(size=(4, 6)) + numpy.arange(4)[:, None]
    values += 3 * numpy.arange(6)
    mean = sum(values.flat) / 24
    rows = [sum(row) / 6 for row in values]
    columns = [sum(column) / 4 for column in values.T]
    seeds = 6 * sum((row - mean) ** 2 for row in rows) / 3
    items = 4 * sum((column - mean) ** 2 for column in columns) / 5
    rest = sum(
        (values[i, j] - rows[i] - columns[j] + mean) ** 2 for i in range(4) for j in range(6)
    )
    rest /= 15
    found = statistics.crossed_variance(values)
    assert seeds > rest
    assert items > rest
    freedom = (seeds + items - rest) ** 2 / (seeds**2 / 3 + items**2 / 5 + rest**2 / 15)
    numpy.testing.assert_allclose(found, (mean, (seeds + items - rest) / 24, freedom))


def test_without_effects_the_residual_bounds_the_variance():
    values = numpy.array([[0.0, 1.0], [1.0, 0.0]])  # no effect of either factor: only residual
    mean, variance, freedom = statistics.crossed_variance(values)
    assert (mean, variance, freedom) == (0.5, 0.5 / 4, 1)
    values = numpy.array([[0.0, 1.0], [1.0, 0.4]])  # mean squares: 0.04 each, residual 0.64
    assert statistics.crossed_variance(values)[1] == pytest.approx(0.32 / 4)
    values = numpy.array([[0.0, 1.0], [0.4, 0.0]])  # 0.09 and 0.09, 0.49
    assert statistics.crossed_variance(values)[1] == pytest.approx(0.245 / 4)


def test_one_factor_equals_scipy():
    values = numpy.array([1.0, 2.5, 4.0, numpy.nan, 0.5])
    found = statistics.mean_of_items(values)
    known = values[~numpy.isnan(values)]
    low, high = stats.t.interval(0.95, 3, known.mean(), stats.sem(known))
    numpy.testing.assert_allclose([found.mean, found.low, found.high], [2.0, low, high])


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_one_of_anything_gives_no_interval(shape):
    found = statistics.mean_of_crossed(numpy.ones(shape))
    assert found.mean == 1
    assert numpy.isnan([found.low, found.high]).all()
    assert numpy.isnan(statistics.mean_of_items(numpy.ones(1)).low)


def test_nothing_gives_nothing():
    for values in (numpy.full((2, 3), numpy.nan), numpy.empty((0, 0))):
        found = statistics.mean_of_crossed(values)
        assert numpy.isnan([found.mean, found.low, found.high]).all()
    assert numpy.isnan(statistics.mean_of_items(numpy.array([numpy.nan])).mean)


def test_holes_are_filled_by_least_squares():
    rng = numpy.random.default_rng(3)
    values = rng.normal(size=(5, 8)) + rng.normal(size=(5, 1)) + rng.normal(size=8)
    values[0, 1] = values[3, 4] = values[3, 5] = numpy.nan
    table, missing = statistics.filled(values)
    row, column = numpy.nonzero(~numpy.isnan(values))
    design = numpy.hstack([numpy.eye(5)[row], numpy.eye(8)[column]])
    effects = numpy.linalg.lstsq(design, values[row, column])[0]
    assert missing == 3
    for hole in ((0, 1), (3, 4), (3, 5)):
        assert table[hole] == pytest.approx(effects[hole[0]] + effects[5 + hole[1]])


def test_a_hole_costs_the_residual_a_degree_of_freedom():
    values = numpy.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.5, 0.5, 0.5]])
    _, whole, freedom = statistics.crossed_variance(values)
    _, holed, fewer = statistics.crossed_variance(values, missing=1)
    assert (freedom, fewer) == (4, 3)
    by_seed = numpy.array([1 / 3, 2 / 3, 1 / 2]).var(ddof=1) / 3
    assert holed >= whole >= by_seed


def test_a_hole_does_not_shift_an_additive_table():
    values = numpy.arange(5.0)[:, None] + 10 * numpy.arange(8.0)
    holed = values.copy()
    holed[4, 7] = numpy.nan
    assert statistics.mean_of_crossed(holed).mean == pytest.approx(values.mean())
    assert numpy.nanmean(holed) != pytest.approx(values.mean())


def test_empty_rows_and_columns_are_dropped():
    values = numpy.array([[1.0, 2, 5], [3.0, 4, 8], [4.0, 4, 1]])
    padded = numpy.full((4, 4), numpy.nan)
    padded[:3, 1:] = values
    assert statistics.mean_of_crossed(padded) == statistics.mean_of_crossed(values)


def test_clipping_keeps_the_mean_and_no_interval():
    found = statistics.Estimate(0.9, 0.7, 1.2).clipped(0, 1)
    assert (found.mean, found.low, found.high) == (0.9, 0.7, 1)
    assert numpy.isnan(statistics.Estimate(0.9, numpy.nan, numpy.nan).clipped(0, 1).low)


def test_quantiles_are_those_of_scipy_stats():
    freedom = numpy.concatenate([numpy.linspace(0.5, 400, 2000), [1e6, numpy.inf]])
    half = statistics.interval(numpy.zeros(2002), numpy.ones(2002), freedom).high
    numpy.testing.assert_allclose(half, stats.t.ppf(0.975, freedom), rtol=1e-12)


def test_the_jackknife_of_a_mean_is_the_crossed_mean():
    rng = numpy.random.default_rng(8)
    table = rng.normal(size=(5, 7)) + rng.normal(size=(5, 1)) + rng.normal(size=(1, 7))
    value, centre, variance, freedom = statistics.jackknife(table[:, :, None], lambda mean: mean[0])
    expected = statistics.crossed_variance(table)
    numpy.testing.assert_allclose((value, variance, freedom), expected)
    assert centre == pytest.approx(value)
    assert numpy.isnan(statistics.jackknife(table[:1, :, None], lambda mean: mean[0])[1:]).all()


def test_the_jackknife_removes_the_bias_of_a_square():
    """The square of a mean is too large by the variance of the mean."""
    rng = numpy.random.default_rng(9)
    values, centres, covered = [], [], 0
    for table in 1 + simulated(5, 6, (0.1, 0.1, 0.2), rng, 1000):
        found = statistics.jackknife(table[:, :, None], lambda mean: mean[0] ** 2)
        ends = statistics.interval(*found[1:])
        covered += ends.low <= 1 <= ends.high
        values.append(found[0])
        centres.append(found[1])
    bias = 0.1 / 5 + 0.1 / 6 + 0.2 / 30
    assert numpy.mean(values) - numpy.mean(centres) == pytest.approx(bias, abs=0.005)
    assert 0.92 <= covered / 1000 <= 0.98
