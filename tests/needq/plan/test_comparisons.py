"""Roles: the settings of a sweep say what it is compared with."""

import pytest
from needq.plan.comparisons import roles
from sweeps import SWEEP

SWEEPS = {
    "keys": SWEEP | {"matrix": "k", "counts": [1, 6]},
    "late": SWEEP | {"blocks": "reversed"},
    "some": SWEEP | {"blocks": [3, 1]},
    "alone": SWEEP | {"steps": "single"},
    "nothing": SWEEP | {"method": "zero"},
    "both": SWEEP | {"method": "zero", "matrix": "k"},
    "with_bias": SWEEP | {"bias": "replace"},
    "half": SWEEP | {"dose": 0.5},
    "article": SWEEP,
}


def test_each_role_is_a_sweep_that_differs_in_one_setting():
    scored = [name for name in SWEEPS if name != "article"]
    assert roles(SWEEPS, ["article"], scored, 12) == {
        "q": "article",
        "k": "keys",
        "end": "late",
        "single": "alone",
        "zero": "nothing",
        "bias": "with_bias",
    }
    assert roles(SWEEPS, ["keys", "article"], [], 12) == {"q": "article", "k": "keys"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"counts": [1, 12]}, {"q": "article"}),
        ({"counts": [2, 12]}, {}),
        ({"counts": [1, 11]}, {}),
        ({"heads": [0]}, {}),
        ({"matrix": "v"}, {}),
    ],
)
def test_the_articles_sweep_has_one_block_and_all(change, found):
    assert roles({"article": SWEEP | change}, ["article"], [], 12) == found


def test_what_is_only_scored_is_not_the_articles():
    assert roles(SWEEPS, ["keys"], ["article"], 12) == {}
