"""The figures of degradation: the table's means and intervals, levels, and notes."""

import fake_run
import fake_tables
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from matplotlib.collections import PolyCollection
from needq.common import columns
from needq.figures import degradation as figures


@pytest.fixture(scope="module")
def table(fake_folder):
    return fake_tables.degradation(fake_folder)


def evaluated(table, baselines, cuda=True):
    """The figure of the evaluation text, of the first backend."""
    return figures.draw_evaluation(table[table["backend"] == "cpu"], baselines, cuda)


def drawn(table, cuda=False):
    return {
        "degradation": evaluated(table, None, cuda),
        "texts": figures.draw_texts(table, cuda),
    }


@pytest.fixture(scope="module")
def baselines(fake_folder):
    return fake_tables.baselines(fake_folder)


def test_the_same_bytes_twice_and_readable(table, baselines, tmp_path):
    assert_same_bytes(lambda: drawn(table), tmp_path)
    assert_same_bytes(lambda: {"degradation": evaluated(table, baselines)}, tmp_path)


def test_lines_are_the_rises_and_bands_their_intervals(table, baselines):
    figure = evaluated(table, baselines)
    cpu = table[table["backend"] == "cpu"]
    columns = ("rise", "rise_0_39", "rise_40_99", "rise_from_100")
    assert len(figure.axes) == len(columns)
    for axis, column in zip(figure.axes, columns, strict=True):
        line = next(line for line in axis.lines if len(line.get_xdata()) == 13)
        numpy.testing.assert_array_equal(line.get_ydata(), cpu[column])
        band = axis.findobj(PolyCollection)[0].get_paths()[0].vertices[:, 1]
        assert numpy.nanmax(band) == pytest.approx(cpu[f"{column}_high"].max())
        levels = [line.get_ydata()[0] for line in axis.lines if len(line.get_xdata()) == 2]
        assert levels == pytest.approx([0, *baselines[column]])
        # what is drawn is inside the panel, or is named at its upper end
        assert axis.get_ylim()[1] > cpu[f"{column}_high"].max()


def test_titles_say_from_where_on_a_bigram_is_better(table, baselines):
    said = words(evaluated(table, baselines))
    assert "Rise of the loss on the evaluation text: worse than a bigram from 2 blocks on" in said
    assert "Worse: the 95% intervals are apart." in said
    low = table.assign(**{f"rise{end}": 0.1 for end in ("", "_low", "_high")})
    assert "on the evaluation text: not worse than a bigram" in words(evaluated(low, baselines))
    last = low.copy()
    for end in ("", "_low", "_high"):
        last.loc[last["blocks_replaced"] == 12, f"rise{end}"] = 9
    assert "evaluation text: worse than a bigram with 12 blocks" in words(
        evaluated(last, baselines)
    )
    without = words(evaluated(table, None))
    assert "gram" not in without.replace("n-gram", "")
    assert "No n-gram models were trained." in without


def test_lines_that_are_close_are_named_together(table, baselines):
    said = words(evaluated(table, baselines))
    assert "3- to 5-gram" in said
    low = table.assign(rise=table["rise"] / 10)
    for end in ("low", "high"):
        low[f"rise_{end}"] = table[f"rise_{end}"] / 10
    found = words(evaluated(low, baselines))
    unigram = baselines["rise"][0]
    assert f"unigram {unigram:.2f} ↑" in found  # above the panel


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
    figure = evaluated(degradation, None)
    figure.draw_without_rendering()
    assert len(figure.axes[0].lines[1].get_xdata()) == fake_run.BLOCKS + 1


def test_a_band_without_tokens_is_an_empty_panel(table, baselines):
    """Of documents that are all too short."""
    short, known = table.copy(), baselines.copy()
    for end in ("", "_low", "_high"):
        short[f"rise_from_100{end}"] = known[f"rise_from_100{end}"] = numpy.nan
    figure = evaluated(short, known)
    figure.draw_without_rendering()
    assert "Tokens 100 and on: not worse than a bigram" not in words(figure)
    assert "Tokens 100 and on" in words(figure)


def test_each_sweep_with_texts_has_its_panels(table, baselines):
    both = pandas.concat([table, table.assign(sweep="second", rise=lambda t: t.rise + 1)])
    figure = evaluated(both, baselines)
    assert len(figure.axes) == 8
    assert "from 2 blocks on: cumulative" in words(figure)
    first, second = (figure.axes[place].lines[1].get_ydata() for place in (0, 4))
    numpy.testing.assert_allclose(second, first + 1)
    assert len(figures.draw_texts(both, cuda=True).axes) == 6


def test_sweeps_without_texts_are_left_out(table, baselines):
    scored = table.assign(sweep="keys", texts=0, label=numpy.nan, pristine_nll=numpy.nan)
    both = pandas.concat([table, scored])
    assert len(evaluated(both, baselines).axes) == 4
    assert len(figures.draw_texts(both, cuda=True).axes) == 3


def test_single_blocks_stand_at_their_block(table, baselines):
    part = table[table["backend"] == "cpu"]
    steps = ["none", *(f"{block:02d}" for block in range(12))]
    single = part.assign(
        intervention=[f"q/single/{step}" for step in steps],
        block=[None, *range(12)],
        blocks_replaced=[0] + [1] * 12,
        sweep="single",
    )
    figure = evaluated(single, baselines)
    line = figure.axes[0].lines[1]
    assert line.get_xdata().tolist() == list(range(12))
    numpy.testing.assert_array_equal(line.get_ydata(), part["rise"].iloc[1:])
    assert "index of the single block replaced" in words(figure)
    assert "bigram from" not in words(figure)


def test_titles_of_the_texts_say_what_becomes_of_them(table):
    text = words(figures.draw_texts(table, cuda=True))
    backend = list(dict.fromkeys(table["backend"]))[-1]
    own = table[table["backend"] == backend].sort_values("blocks_replaced")
    for title, column, form in (
        ("Repeated 4-grams in the texts", "seq_rep_4", ".0%"),
        ("Loss of the pristine model on the texts", "pristine_nll", ".1f"),
    ):
        first, last = (f"{own[column].iloc[place]:{form}}" for place in (0, -1))
        assert f"{title}: {first} pristine, {last} with 12 blocks ({backend})" in text
    without = table.assign(seq_rep_4=numpy.nan)
    assert "Repeated 4-grams in the texts:" not in words(figures.draw_texts(without, cuda=True))
