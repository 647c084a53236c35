"""Shared parts of figures: a line joins what was measured; what was not is left open."""

import numpy
import pandas
import pytest
from drawn import line
from matplotlib.figure import Figure
from needq.figures import theme
from needq.figures.axes import draw_line, has_gaps, say_range


def sweep(counts, low=0.5):
    """A sweep of these numbers of blocks; the pristine model has no interval."""
    table = pandas.DataFrame({"blocks_replaced": counts}).assign(block=numpy.nan)
    table["rise"] = 2.0 * table["blocks_replaced"]
    table["rise_low"], table["rise_high"] = table["rise"] - low, table["rise"] + 0.25
    table.loc[table["blocks_replaced"] == 0, ["rise_low", "rise_high"]] = numpy.nan
    return table


def drawn(table, **settings):
    axis = Figure().subplots()
    draw_line(axis, table, "rise", "one", theme.style(1), **settings)
    return axis


def test_all_numbers_of_blocks_are_a_line_with_a_band():
    axis = drawn(sweep([2, 0, 1, 3]), shift=0.2)
    assert not has_gaps(sweep([2, 0, 1, 3]))
    assert line(axis, "one").get_linestyle() == "--"
    assert line(axis, "one").get_xdata().tolist() == [0, 1, 2, 3]  # a line is never shifted
    assert len(axis.collections) == 1


@pytest.mark.parametrize("counts", [[0, 6, 12], [12, 0, 1]])
def test_numbers_that_were_skipped_are_dots_with_their_intervals(counts):
    axis = drawn(sweep(counts), shift=0.2)
    assert has_gaps(sweep(counts))
    assert line(axis, "one").get_linestyle() == "None"
    assert line(axis, "one").get_marker() == "s"
    assert line(axis, "one").get_xdata().tolist() == [x + 0.2 for x in sorted(counts)]
    bars = axis.collections[0].get_segments()
    ends = [bar[:, 1].tolist() for bar in bars]
    assert ends == [[0, 0], *([2 * x - 0.5, 2 * x + 0.25] for x in sorted(counts)[1:])]
    assert not drawn(sweep(counts), band=False).collections


def test_rounding_that_puts_a_mean_beyond_its_interval_is_drawn():
    assert drawn(sweep([0, 6], low=-1e-9)).collections


def test_single_blocks_leave_out_the_pristine_model_and_have_no_gap():
    single = sweep([0, 1, 1, 1]).assign(block=[numpy.nan, 0, 1, 2])
    assert not has_gaps(single)
    assert has_gaps(single.drop(index=2))


def test_some_rows_of_a_sweep_with_gaps_are_dots_though_they_have_none():
    axis = drawn(sweep([12]), gaps=True)
    assert line(axis, "one").get_linestyle() == "None"
    assert len(axis.collections[0].get_segments()) == 1


def test_a_range_is_one_number_if_its_ends_look_alike():
    assert say_range([0.5, 0.25, 0.375], ".2f") == "0.25 to 0.50"
    assert say_range(numpy.array([0.251, 0.249]), ".2f") == "0.25"
    assert say_range([1], ".0%") == "100%"
