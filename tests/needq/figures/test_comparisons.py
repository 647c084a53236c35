"""The figure of comparisons: what was measured, and ratios at each number of blocks."""

import fake_run
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, line, words
from needq.figures.comparisons import damage_ratios, draw_comparisons
from needq.metrics import degradation as metrics

COMPARED = {"q": "cumulative", "k": "keys", "v": "values", "end": "from_end", "zero": "zero"}
RISES = [f"rise{end}" for end in ("", "_low", "_high")]
MULTIPLES = {"k": (1, 1), "v": (1.5, 1.4), "end": (0.25, 1), "zero": (2, 3)}


@pytest.fixture(scope="module")
def sweeps(fake_folder):
    """`degradation.tsv` of the article's sweep, and of one for each comparison.

    Those have half and all of the blocks, with known multiples of the damage.
    """
    article = metrics.degradation_table("cpu", *fake_run.stages(fake_folder, "cpu"))
    some = article[article["blocks_replaced"].isin([0, 6, 12])]
    others = []
    for kind, times in MULTIPLES.items():
        factor = some["blocks_replaced"].map({0: 1, 6: times[0], 12: times[1]})
        others.append(multiplied(some, factor, COMPARED[kind]))
    return pandas.concat([article, *others], ignore_index=True)


def multiplied(rows, factor, sweep):
    """Rows of a sweep with so many times the damage, as those of another sweep."""
    rises = rows[RISES].mul(factor, axis=0)
    return rows.assign(sweep=sweep, **{name: rises[name] for name in RISES})


def test_the_same_bytes_twice(sweeps, tmp_path):
    assert_same_bytes(lambda: {"a": draw_comparisons(sweeps, COMPARED, False)}, tmp_path)


def test_only_what_was_measured_is_drawn(sweeps):
    """A sweep of two numbers of blocks has two dots with intervals, and no line between them."""
    matrices, orders, methods = draw_comparisons(sweeps, COMPARED, cuda=True).axes
    assert len(line(matrices, "W_Q").get_xdata()) == 13
    assert line(matrices, "W_Q").get_linestyle() == "-"
    for axis, label, sweep in (
        (matrices, "W_V: 1.50, 1.40 ×", "values"),
        (orders, "from the last block on: 0.25 ×", "from_end"),
        (methods, "zeros: 2.00, 3.00 ×", "zero"),
    ):
        rows = sweeps[(sweeps["sweep"] == sweep) & (sweeps["blocks_replaced"] > 0)]
        dots = line(axis, label)
        assert dots.get_linestyle() == "None"
        numpy.testing.assert_array_equal(dots.get_ydata(), rows["rise"])
        numpy.testing.assert_allclose(dots.get_xdata(), [6, 12], atol=0.9)
        bars = [bar for part in axis.collections for bar in part.get_paths()]
        ends = [bar.vertices[:, 1] for bar in bars if len(bar.vertices) == 2]
        expected = rows[["rise_low", "rise_high"]].to_numpy()
        assert all(any(numpy.allclose(one, two) for two in ends) for one in expected)
    # dots of one number of blocks stand side by side
    keys, values = line(matrices, "W_K: 1.00, 1.00 ×"), line(matrices, "W_V: 1.50, 1.40 ×")
    assert (numpy.abs(keys.get_xdata() - values.get_xdata()) > 0.2).all()


def test_a_sweep_of_one_number_of_blocks_is_a_dot_with_its_interval(sweeps):
    table = sweeps[(sweeps["sweep"] != "values") | sweeps["blocks_replaced"].isin([0, 12])]
    (axis,) = draw_comparisons(table, {"q": "cumulative", "v": "values"}, cuda=True).axes
    assert line(axis, "W_V: 1.40 ×").get_linestyle() == "None"
    row = table[(table["sweep"] == "values") & (table["blocks_replaced"] == 12)].iloc[0]
    bars = [bar.vertices[:, 1] for part in axis.collections for bar in part.get_paths()]
    ends = [row["rise_low"], row["rise_high"]]
    assert any(len(bar) == 2 and numpy.allclose(bar, ends) for bar in bars)


def test_ratios_are_those_of_each_number_of_blocks(sweeps):
    text = words(draw_comparisons(sweeps, COMPARED, cuda=True))
    assert "Another matrix does 1.00 to 1.50 × the damage of W_Q" in text
    assert "Half of the blocks in another order does 0.25 × the damage" in text
    assert "Another method does 2.00 to 3.00 × the damage of Gaussian noise" in text
    assert "with 6 and 12 blocks replaced" in text
    assert "W_O" not in text
    rows = {sweep: part for sweep, part in sweeps.groupby("sweep")}
    found = damage_ratios(rows["values"], rows["cumulative"], half=False)
    assert found.to_dict() == pytest.approx({6: 1.5, 12: 1.4})
    assert list(damage_ratios(rows["values"], rows["cumulative"], half=True).index) == [6]
    many = damage_ratios(rows["cumulative"], rows["cumulative"], half=False)
    assert list(many.index) == list(range(1, 13))


def test_the_range_is_said_of_many_numbers_of_blocks(sweeps):
    article = sweeps[sweeps["sweep"] == "cumulative"]
    factor = 1 + article["blocks_replaced"] / 12
    whole = multiplied(article, factor, "values")
    table = pandas.concat([article, whole])
    figure = draw_comparisons(table, {"q": "cumulative", "v": "values"}, cuda=True)
    (axis,) = figure.axes
    assert line(axis, "W_V: 1.08 to 2.00 ×").get_linestyle() != "None"
    assert "over all numbers of blocks that both have" in words(figure)


def test_keys_are_compared_with_queries_whose_bias_is_replaced(sweeps):
    some = sweeps[(sweeps["sweep"] == "cumulative") & sweeps["blocks_replaced"].isin([0, 6, 12])]
    bias = multiplied(some, numpy.full(len(some), 0.5), "with_bias")
    table = pandas.concat([sweeps, bias])
    text = words(draw_comparisons(table, COMPARED | {"bias": "with_bias"}, cuda=True))
    assert "W_K: 2.00, 2.00 × W_Q and b_Q" in text
    assert "W_Q and b_Q: 0.50, 0.50 ×" in text
    said = "W_K does 2.00 × the damage of W_Q and b_Q; another matrix does 1.40 to 1.50 × the"
    assert said in text
    alone = {"q": "cumulative", "bias": "with_bias"}
    assert len(draw_comparisons(table, alone, cuda=True).axes) == 1


def test_comparisons_that_were_not_run_have_no_panel(sweeps):
    only = {kind: COMPARED[kind] for kind in ("q", "end")}
    assert len(draw_comparisons(sweeps, only, cuda=True).axes) == 1
    nothing = draw_comparisons(sweeps, {"q": "cumulative"}, cuda=False)
    assert "no sweep to compare was run" in words(nothing)


def test_orders_are_not_compared_where_all_blocks_are_replaced(sweeps):
    end = (sweeps["sweep"] == "from_end") & (sweeps["blocks_replaced"] == 12)
    at_the_end = sweeps.assign(**{name: sweeps[name].where(~end, 100) for name in RISES})
    figure = draw_comparisons(at_the_end, COMPARED, cuda=True)
    assert "Half of the blocks in another order does 0.25 × the damage" in words(figure)


def test_one_seed_has_dots_without_intervals(sweeps):
    none = sweeps.assign(noise_seeds=1, rise_low=numpy.nan, rise_high=numpy.nan)
    figure = draw_comparisons(none, COMPARED, cuda=True)
    assert len(line(figure.axes[0], "W_V: 1.50, 1.40 ×").get_xdata()) == 2
