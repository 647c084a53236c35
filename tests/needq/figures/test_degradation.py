"""The figures of degradation: the table's means and intervals, levels, labels and notes."""

import math

import fake_run
import fake_tables
import matplotlib.colors
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from matplotlib.collections import PolyCollection
from needq.common import columns
from needq.figures import degradation as figures
from needq.figures import theme


@pytest.fixture(scope="module")
def table(fake_folder):
    return fake_tables.degradation(fake_folder)


def drawn(table, cuda=False):
    return {
        "degradation": figures.draw_evaluation(table, 4096, "cpu", cuda),
        "texts": figures.draw_texts(table, cuda),
    }


def test_the_same_bytes_twice_and_readable(table, tmp_path):
    assert_same_bytes(lambda: drawn(table), tmp_path)


def test_lines_are_the_tables_means_and_bands_their_intervals(table):
    figure = figures.draw_evaluation(table, 4096, "cpu", cuda=True)
    axis = figure.axes[0]
    cpu = table[table["backend"] == "cpu"]
    numpy.testing.assert_array_equal(axis.lines[0].get_ydata(), cpu["nll"])
    band = axis.findobj(PolyCollection)[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(cpu["nll_low"].min())
    assert band.max() == pytest.approx(cpu["nll_high"].max())
    levels = [line.get_ydata()[0] for line in axis.lines if len(line.get_xdata()) == 2]
    assert sorted(levels) == pytest.approx([cpu["nll"].iloc[0], math.log(4096)])


def test_what_was_not_run_is_said(table):
    for figure in drawn(table, cuda=False).values():
        assert "CUDA: not run" in words(figure)
    for figure in drawn(table, cuda=True).values():
        assert "not run" not in words(figure)


def test_a_table_without_intervals_is_drawn(table):
    degradation = table.copy()
    for name in columns.DEGRADATION:
        if name.endswith(("_low", "_high")):
            degradation[name] = numpy.nan
    figure = figures.draw_evaluation(degradation, 4096, "cpu", cuda=True)
    figure.draw_without_rendering()
    assert len(figure.axes[0].lines[0].get_xdata()) == fake_run.BLOCKS + 1


def test_several_sweeps_are_columns_of_panels(table):
    both = pandas.concat([table, table.assign(sweep="second", nll=lambda t: t.nll + 1)])
    figure = figures.draw_evaluation(both, 4096, "cpu", cuda=True)
    assert len(figure.axes) == 6
    assert "Loss on the evaluation text: second" in words(figure)
    first, second = (axis.lines[0].get_ydata() for axis in figure.axes[:2])
    numpy.testing.assert_allclose(second, first + 1)


def test_sweeps_without_texts_are_left_out(table):
    scored = table.assign(sweep="keys", texts=0, label=numpy.nan, pristine_nll=numpy.nan)
    both = pandas.concat([table, scored])
    assert len(figures.draw_evaluation(both, 4096, "cpu", cuda=True).axes) == 3
    assert len(figures.draw_texts(both, cuda=True).axes) == 3


def test_the_background_is_what_most_texts_of_the_reference_are(table):
    other = table.copy()
    other.loc[other["backend"] == "cpu_float64", "label"] = "noise"
    figure = figures.draw_evaluation(other, 4096, "cpu", cuda=True)
    spans = {
        patch.get_x(): patch.get_facecolor()[:3]
        for patch in figure.axes[1].patches
        if patch.get_height() == 1
    }
    assert list(spans) == [-0.5, *(blocks + 0.5 for blocks in range(12))]
    colours = {label: matplotlib.colors.to_rgb(one) for label, one in theme.LABELS.items()}
    # as fake_run's labels: near normal for 0 to 3 blocks, then the article's quarters
    assert spans[2.5] == colours["near normal"]
    assert spans[3.5] == colours["meaning lost"]
    assert spans[11.5] == colours["noise"]
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["near normal", "meaning lost", "repetitive", "noise"]


def test_single_blocks_stand_at_their_block(table):
    part = table[table["backend"] == "cpu"]
    steps = ["none", *(f"{block:02d}" for block in range(12))]
    single = part.assign(
        intervention=[f"q/single/{step}" for step in steps],
        block=[None, *range(12)],
        blocks_replaced=[0] + [1] * 12,
        sweep="single",
    )
    figure = figures.draw_evaluation(single, 4096, "cpu", cuda=True)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == list(range(12))
    numpy.testing.assert_array_equal(line.get_ydata(), part["nll"].iloc[1:])
    assert "index of the single block replaced" in words(figure)
