"""The figure of predicted flips: cumulative counts with the interval."""

import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from needq.figures.flips import draw_flips


def flip_tables():
    """`flips.tsv`, `flip_places.tsv` and `flip_margins.tsv` of two backends."""
    tables, places, margins = [], [], []
    for right, diverged in (("cpu_keyed", 0), ("bfloat16", 40)):
        row = {"left": "exact", "right": right, "blocks_replaced": None, "logit_error": 0.01}
        row |= {"texts": 366, "diverged": diverged, "predicted": 42.0, "predicted_low": 30}
        row |= {"predicted_high": 54, "p_value": 0.6, "place_p_value": 0.3}
        tables += [row, row | {"blocks_replaced": 3}]
        for token in range(32):
            row = {"left": "exact", "right": right, "token": token}
            places.append(row | {"diverged": int(token < diverged), "predicted": 42 / 32})
        for low, high in ((0.0, 1.0), (1.0, numpy.inf)):
            row = {"left": "exact", "right": right, "margin_low": low, "margin_high": high}
            row |= {"tokens": 5000, "flipped": diverged // 2, "predicted": 21.0}
            margins.append(row | {"predicted_low": 13, "predicted_high": 30})
    return tuple(pandas.DataFrame(rows) for rows in (tables, places, margins))


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(lambda: {"flips": draw_flips(*flip_tables(), False)}, tmp_path)


@pytest.mark.parametrize(("cuda", "said"), [(True, False), (False, True)])
def test_what_was_not_run_is_said(cuda, said):
    assert ("CUDA: not run" in words(draw_flips(*flip_tables(), cuda))) == said


def test_flips_are_cumulative_and_carry_the_interval():
    figure = draw_flips(*flip_tables(), cuda=True)
    observed, predicted = figure.axes[2].lines[:2]
    assert observed.get_ydata()[-1] == 32
    assert predicted.get_ydata()[-1] == pytest.approx(42)
    assert "p = 0.6" in words(figure)


def test_flips_by_margin_are_counts_with_the_interval_of_the_prediction():
    figure = draw_flips(*flip_tables(), cuda=True)
    axis = figure.axes[3]  # of bfloat16
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0 to 1", "1 or more"]
    observed = axis.lines[-1]
    assert observed.get_label() == "observed"
    assert observed.get_ydata().tolist() == [20, 20]
    [bars] = axis.collections
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[13, 30]] * 2


def test_the_title_says_how_small_the_margins_of_flips_are():
    table, places, margins = flip_tables()
    assert "50% of the flips had a margin below one logit error" in words(
        draw_flips(table, places, margins, cuda=True)
    )
    none = margins.assign(flipped=0)
    assert "No token flipped" in words(draw_flips(table, places, none, cuda=True))
