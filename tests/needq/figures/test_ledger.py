"""The ledger's figure: a point per cause and effect, with its interval where there is one."""

import numpy
import pandas
import pytest
from drawn import assert_same_bytes, smallest_letters, words
from needq.common.keys import TOO_SMALL
from needq.figures import ledger as ledger_figures
from needq.plan.corners import ALL, ALONE, LAST, SHARE

# cause: what it does alone, last removed, and its share
SHOWN = {"noise": (0.5, 0.0, 0.25), "arithmetic": (0.75, -0.25, 0.5)}


def ledger_table(pairs=(("one", "two"),), few=False):
    """`ledger.tsv`."""
    rows = []
    for left, right in pairs:
        row = {"left": left, "right": right, "texts": 42, "noise_seeds": 5, "prompts": 6}
        effects = [
            (cause, effect, value)
            for cause, values in SHOWN.items()
            for effect, value in zip((ALONE, LAST, SHARE), values, strict=True)
        ]
        for cause, effect, value in [*effects, (ALL, ALONE, 0.75)]:
            ends = {"low": value - 0.125, "high": min(1, value + 0.25)}
            ends = dict.fromkeys(ends, TOO_SMALL) if few else ends
            rows.append(row | {"cause": cause, "effect": effect, "estimate": value} | ends)
    return pandas.DataFrame(rows)


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(
        lambda: {"ledger": ledger_figures.draw_ledger(ledger_table(), False)}, tmp_path
    )


def test_letters_are_large_enough_on_a_phone():
    assert smallest_letters(ledger_figures.draw_ledger(ledger_table(), False)) >= 8


def test_each_effect_of_each_cause_is_a_point_with_its_interval():
    axis = ledger_figures.draw_ledger(ledger_table(), cuda=True).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["noise", "arithmetic", ALL]
    alone, last, share = axis.containers
    numpy.testing.assert_allclose(alone.lines[0].get_xdata(), [0.5, 0.75, 0.75])
    numpy.testing.assert_allclose(last.lines[0].get_xdata(), [0, -0.25])
    numpy.testing.assert_allclose(share.lines[0].get_xdata(), [0.25, 0.5])
    # near the line of the cause, each on its own; that of all causes on the line
    numpy.testing.assert_allclose(alone.lines[0].get_ydata(), [-0.22, 0.78, 2])
    numpy.testing.assert_allclose(last.lines[0].get_ydata(), [0, 1])
    bars = alone.lines[2][0].get_segments()
    numpy.testing.assert_allclose(
        [bar[:, 0] for bar in bars], [[0.375, 0.75], [0.625, 1], [0.625, 1]]
    )
    low, high = axis.get_xlim()
    assert low < -0.375 < 1 < high
    looks = {(point.lines[0].get_marker(), point.lines[0].get_color()) for point in axis.containers}
    assert len({marker for marker, _ in looks}) == len({colour for _, colour in looks}) == 3


def test_one_panel_per_pair_says_how_many_texts_diverge():
    figure = ledger_figures.draw_ledger(ledger_table((("one", "two"), ("one", "gpu"))), cuda=True)
    assert len(figure.axes) == 2
    text = words(figure)
    assert "one and two: 75% of 42 texts diverge" in text
    assert "one and gpu: 75% of 42 texts diverge" in text
    assert "95% intervals over prompts" in text
    assert "6 prompts, 5 noise seeds" in text


def test_without_intervals_the_figure_says_so():
    figure = ledger_figures.draw_ledger(ledger_table(few=True), cuda=True)
    assert "n too small for intervals" in words(figure)
    assert "95%" not in words(figure)
    (bars, *_) = figure.axes[0].containers[0].lines[2]
    assert all(numpy.ptp(bar[:, 0]) == 0 for bar in bars.get_segments())


@pytest.mark.parametrize(("cuda", "said"), [(True, False), (False, True)])
def test_what_was_not_run_is_said(cuda, said):
    assert ("CUDA: not run" in words(ledger_figures.draw_ledger(ledger_table(), cuda))) == said
