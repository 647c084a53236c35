"""The figure of healing: a line per set, a panel per number of blocks, and the control."""

import numpy as np
import pytest
from healing_table import SETS, STEPS, healing_table
from needq.figures.healing import draw_healing


def words(axis):
    return " ".join(axis.get_title("left").split())


def test_each_set_is_a_line_of_shares():
    figure = draw_healing(healing_table())
    most, half, control = figure.axes
    for axis, count in ((most, 12), (half, 6)):
        assert words(axis) == (
            f"W_Q of {count} blocks is noise. Training W_K, W_V and W_O for 8 steps recovers 75% "
            "of the damage"
        )
        lines = {line.get_label(): line for line in axis.get_lines()}
        np.testing.assert_allclose(lines["W_K"].get_ydata(), [0.5 * step / 8 for step in STEPS[1:]])
        np.testing.assert_array_equal(lines["W_K"].get_xdata(), STEPS[1:])
        assert len(axis.collections) == len(SETS)
    drawn = [line for line in control.get_lines() if len(line.get_ydata()) == 4]
    assert len(drawn) == len(SETS)
    np.testing.assert_allclose(drawn[0].get_ydata()[-1], 0.01)
    assert control.get_xscale() == "log"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["b_Q", "W_K", "W_K, W_V and W_O", "the layer norms"]
    assert "5 noise seeds and 40 documents" in " ".join(figure.get_supxlabel().split())


def test_without_the_set_that_decides_the_best_one_is_named():
    table = healing_table(counts=(12,), sets={"keys": 0.5, "norms": 0.7})
    axis, _ = draw_healing(table).axes
    assert "Training the layer norms for 8 steps recovers 70%" in words(axis)


def test_a_set_that_does_harm_is_seen_whole():
    axis, _ = draw_healing(healing_table(counts=(12,), sets={"keys": -0.5})).axes
    assert axis.get_ylim()[0] == pytest.approx(-0.55)
