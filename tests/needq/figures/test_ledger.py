"""The ledger's figure: floating bars that add up, and zeros that are written."""

import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from needq.figures import ledger as ledger_figures
from needq.plan.ledger_steps import CAUSES, NATIVE

SHARES = (0.25, 0.5, 0.375, 0.375, 0.75, 1)


def ledger_table(shares=SHARES):
    """`ledger.tsv` of one pair."""
    rows = [{"left": "one", "right": "one", "order": "repeat", "step": 0, "cause": NATIVE}]
    for order, causes in (("forwards", [*CAUSES]), ("backwards", [*CAUSES][::-1])):
        for step, cause in enumerate([NATIVE, *causes]):
            row = {"left": "one", "right": "two", "order": order, "step": step, "cause": cause}
            row |= {"identical_share": shares[step], "identical_share_low": shares[step] / 2}
            row |= {"identical_share_high": 1}
            far = 0 if step == 5 else 10.0**-step
            rows.append(row | {"kl": far**2, "max_abs_logit": far, "texts": 42, "noise_seeds": 2})
    return pandas.DataFrame(rows)


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(
        lambda: {"ledger": ledger_figures.draw_ledger(ledger_table(), False)}, tmp_path
    )


def test_bars_float_from_the_share_before_to_the_share_after_and_end_in_the_total():
    figure = ledger_figures.draw_ledger(ledger_table(), cuda=True)
    assert len(figure.axes) == 2 * 3
    axis = figure.axes[0]
    found = [(one.get_x(), one.get_x() + one.get_width()) for one in axis.patches]
    ends = [*zip((0, *SHARES[:-1]), SHARES, strict=True), (0, 1)]
    numpy.testing.assert_allclose([sorted(one) for one in found], [sorted(one) for one in ends])
    names = [text.get_text() for text in axis.get_yticklabels()]
    assert names[0] == "as they are"
    assert names[-1] == "all causes removed"
    assert len(names) == len(found) == 7
    changes = [text.get_text() for text in axis.texts]
    assert changes == ["+0.25", "-0.12", "0", "+0.38", "+0.25"]
    colours = [one.get_facecolor() for one in axis.patches]
    assert colours[1] == colours[4] != colours[2]
    assert colours[0] == colours[-1]


def test_the_share_at_first_and_in_the_end_has_its_interval():
    axis = ledger_figures.draw_ledger(ledger_table(), cuda=True).axes[0]
    bars = [one.get_segments()[0] for one in axis.collections]
    numpy.testing.assert_allclose([bar[:, 0] for bar in bars], [[0.125, 1], [0.5, 1]])
    assert [bar[0, 1] for bar in bars] == [0, 6]


def test_the_title_says_what_is_seen():
    text = words(ledger_figures.draw_ledger(ledger_table(), cuda=True))
    assert "25% of texts are identical, 100% with all causes removed" in text
    # every cause that does more than half of what the largest does, in order
    assert "Largest steps: same noise +0.25, both in float64 +0.38, both exact +0.25" in text
    flat = words(ledger_figures.draw_ledger(ledger_table([0.5] * 6), cuda=True))
    assert "50% of texts are identical, 50% with all causes removed" in flat
    assert "Largest" not in flat


def test_zeros_are_written_and_scales_are_the_same_in_both_orders():
    figure = ledger_figures.draw_ledger(ledger_table(), cuda=True)
    assert [text.get_text() for text in figure.axes[1].texts] == ["0"]
    assert "repeat" not in words(figure)
    assert figure.axes[1].get_xlim() == figure.axes[4].get_xlim()


@pytest.mark.parametrize(("cuda", "said"), [(True, False), (False, True)])
def test_what_was_not_run_is_said(cuda, said):
    assert ("CUDA: not run" in words(ledger_figures.draw_ledger(ledger_table(), cuda))) == said
