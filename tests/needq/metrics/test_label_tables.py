"""Tables of labels: shares, the commonest, and how well labels are told apart."""

import fake_run
import numpy
import pandas
import pytest
from needq.common import columns
from needq.common.keys import ALL_LABELS, LABELS
from needq.metrics import labels as label_tables
from needq.metrics import statistics
from needq.metrics.calibration import KINDS
from needq.metrics.labels import commonest


@pytest.fixture(scope="module")
def labelled():
    rows = fake_run.labels(fake_run.texts(0))
    return {"cpu": pandas.DataFrame(rows).astype({"noise_seed": "Int64"})}


def test_shares_are_counted_over_noise_seeds_and_prompts(labelled):
    found = label_tables.shares_table(labelled)
    assert list(found) == list(columns.LABELS) and len(found) == 13 * 5
    assert (found["texts"] == [16] * 5 + [80] * 60).all()
    last = found[found["blocks_replaced"] == 12].set_index("label")
    assert last["share"].to_dict() == dict.fromkeys(ALL_LABELS, 0) | {
        "noise": 0.5,
        "unlabelled": 0.5,
    }
    # each cell of a seed and a prompt has one text of two

    estimate = statistics.share_of_crossed(numpy.full((5, 8), 0.5))
    assert last.loc["noise", "share_low"] == pytest.approx(estimate.low)
    third = found[found["blocks_replaced"] == 3].set_index("label")
    assert third["share"].tolist() == [1, 0, 0, 0, 0]


def test_the_commonest_label_of_a_tie_is_the_nearest_to_normal():
    def of(*labels):
        return commonest(pandas.DataFrame({"label": labels}))

    assert of("noise", "noise", "near normal") == "noise"
    assert of("noise", "meaning lost") == "meaning lost"
    assert of(None, None, "repetitive") == "unlabelled"
    assert of(None, "noise") == "noise"


class Fixed:
    """A classifier that says what it is told, in place of a fitted one."""

    def labelled(self, texts):
        return texts[["label", "typical"]]


@pytest.fixture
def controls():
    """Four held-out controls of each kind, of which one `own` is taken for meaning lost."""
    rows = [
        {"kind": kind, "held_out": held_out, "label": label, "typical": kind != "loop"}
        for kind, label in KINDS.items()
        for held_out in [False] + [True] * 4
    ]
    controls = pandas.DataFrame(rows).assign(tokens=[[0] * 9] * len(rows))
    controls.loc[1, "label"] = "meaning lost"
    return controls


def test_confusion_has_a_row_for_each_kind_and_label(controls):
    found = label_tables.confusion_table(Fixed(), controls)
    assert list(found) == list(columns.LABEL_CONFUSION) and len(found) == 6 * 4
    own = found[found["kind"] == "own"].set_index("label")["controls"].to_dict()
    assert own == {"near normal": 3, "meaning lost": 1, "repetitive": 0, "noise": 0}
    assert found["kind"].drop_duplicates().tolist() == list(KINDS)
    assert found["controls"].sum() == 24


def test_quality_says_accuracy_and_what_resembles_no_control(controls, labelled):
    found = label_tables.quality_table(Fixed(), controls, labelled).set_index("measure")
    pairs = [
        f"accuracy of {one} and {other}" for one, other in zip(LABELS, LABELS[1:], strict=False)
    ]
    assert found.loc[pairs, "value"].tolist() == [(0.75 + 1) / 2, 1, 1]
    assert found.loc[pairs, "texts"].tolist() == [12, 12, 12]
    held_out = found.loc["held-out controls that resemble no control"]
    assert held_out.tolist() == [pytest.approx(4 / 24), 24]
    # those without a label are not counted
    texts = found.loc["texts of cpu that resemble no control"]
    assert texts.tolist() == [0, 16 + 80 * 12 - 40]
