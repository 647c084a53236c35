"""The figure of probes: a panel per property, a line per number of blocks replaced."""

import numpy as np
from drawn import assert_whole
from needq.common.probes import PROPERTIES
from needq.figures import theme
from needq.figures.probes import draw_probes
from probe_data import probes


def lines_of(axis):
    return {line.get_label(): line for line in axis.get_lines()}


def test_lines_are_scores_by_layer():
    figure = draw_probes(probes(), "W_Q")
    panels = [axis for axis in figure.axes if axis.axison]
    assert len(panels) == len(PROPERTIES)
    lines = lines_of(panels[0])
    assert {"no block (pristine)", "1 block", "12 blocks", "control task, pristine"} < set(lines)
    np.testing.assert_allclose(lines["no block (pristine)"].get_ydata(), [0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(lines["12 blocks"].get_ydata(), [0.3, 0.35, 0.4, 0.45])
    np.testing.assert_allclose(lines["1 block"].get_xdata(), range(4))
    np.testing.assert_allclose(lines["control task, pristine"].get_ydata(), [0.5] * 4)
    assert len(panels[0].collections) == 2  # bands of the pristine model and of 12 blocks
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "W_Q replaced in"
    footnote = " ".join(figure.get_supxlabel().split())
    assert "over 100 documents and 5 noise seeds" in footnote


def test_panels_are_stacked_and_say_what_was_found():
    """A figure of one column can be read at a width of 400 pixels."""
    figure = draw_probes(probes(), "W_Q")
    assert figure.get_figwidth() == theme.STACK[0]
    assert_whole(figure)
    assert len({axis.get_position().x0 for axis in figure.axes}) == 1
    titles = [" ".join(axis.get_title("left").split()) for axis in figure.axes]
    assert titles[0] == (
        "Which token stood before? After 3 blocks: accuracy 0.90, and 0.45 if 12 are replaced"
    )
    assert ": R² " in titles[-1]


def test_each_panel_says_its_unit_and_its_level_of_guessing():
    panels = draw_probes(probes(), "W_Q").axes
    assert [axis.get_ylabel() for axis in panels[:5]] == ["accuracy"] * 4 + [
        "R² (share of variance)"
    ]
    words = [{text.get_text() for text in axis.texts} for axis in panels[:5]]
    assert words == [{"guessing"}] * 4 + [{"the mean position"}]


def test_a_property_that_the_text_lacks_has_no_panel():
    figure = draw_probes(probes(properties=PROPERTIES[1:]), "W_K")
    assert sum(axis.axison for axis in figure.axes) == 4
    assert [legend.get_title().get_text() for legend in figure.legends] == ["W_K replaced in"]
