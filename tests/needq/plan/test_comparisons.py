"""Comparisons: the settings of a sweep say what the claims compare it as."""

import pytest
import yaml
from default_config import DEFAULT, ROOT, overlaid
from needq.common.settings import Sweep
from needq.plan.comparisons import find_comparisons, find_switched_off
from needq.plan.config import read_config
from planning import read

ARTICLE = {"run": "texts"}
SETTINGS = {
    "keys": {"matrix": "k", "counts": [1, 6]},
    "late": {"block_order": "reversed"},
    "some": {"block_order": [3, 1]},
    "alone": {"steps": "single"},
    "nothing": {"method": "zero"},
    "both": {"method": "zero", "matrix": "k"},
    "with_bias": {"bias": "replace"},
    "zero_with_bias": {"method": "zero", "bias": "replace"},
    "rolled_keys": {"method": "rolled_heads", "bias": "replace", "matrix": "k"},
    "half": {"noise_fraction": 0.5},
    "not_run": {"run": "off", "matrix": "v"},
    "article": ARTICLE,
}


def compare(settings, n_blocks=12):
    return find_comparisons({name: Sweep(**keys) for name, keys in settings.items()}, n_blocks)


def test_each_comparison_is_with_a_sweep_that_differs_in_one_setting_or_in_method_and_bias():
    assert compare(SETTINGS) == {
        "q": "article",
        "k": "keys",
        "end": "late",
        "single": "alone",
        "zero": "nothing",
        "bias": "with_bias",
        "zero_bias": "zero_with_bias",
    }
    both = {"keys": {"matrix": "k", "run": "texts"}, "article": ARTICLE | {"exact": True}}
    assert compare(both) == {"q": "article", "k": "keys"}


def test_the_first_of_two_alike_is_compared():
    two = {"article": ARTICLE, "again": ARTICLE, "keys": {"matrix": "k"}, "more": {"matrix": "k"}}
    assert compare(two) == {"q": "article", "k": "keys"}
    # what generates texts comes before what is only scored
    assert compare(two | {"more": {"matrix": "k", "run": "texts"}})["k"] == "more"


@pytest.mark.parametrize(
    ("change", "comparisons"),
    [
        ({"counts": [1, 12]}, {"q": "article"}),
        ({"counts": [2, 12]}, {}),
        ({"counts": [1, 11]}, {}),
        ({"counts": "quarters"}, {}),
        ({"heads": [0]}, {}),
        ({"matrix": "v"}, {}),
    ],
)
def test_the_articles_sweep_has_one_block_and_all(change, comparisons):
    assert compare({"article": ARTICLE | change}) == comparisons


def test_what_is_only_scored_is_not_the_articles():
    assert compare(SETTINGS | {"article": {}, "keys": {"run": "texts", "matrix": "k"}}) == {}


def test_every_sweep_of_the_default_config_is_compared():
    config = read()
    comparisons = find_comparisons(config.sweeps, config.model.n_blocks)
    assert sorted(comparisons.values()) == sorted(config.sweeps)
    kinds = "q k v o end random single matched_scores rotated_heads permuted zero identity bias"
    assert sorted(comparisons) == sorted(kinds.split())


def test_sweeps_that_an_overlay_switches_off_are_named():
    default = {"article": ARTICLE, "keys": {"matrix": "k"}, "values": {"run": False, "matrix": "v"}}
    own = default | {"keys": {"matrix": "k", "run": "off"}, "mine": {"matrix": "o", "run": "off"}}
    sweeps = {name: Sweep(**keys) for name, keys in own.items()}
    # config.yaml does not run the values either, and knows nothing of mine
    assert find_switched_off(sweeps, default, 12) == {"k": "keys"}
    assert find_switched_off({"article": sweeps["article"]}, default, 12) == {}
    again = sweeps | {"instead": Sweep(matrix="k")}
    assert find_comparisons(again, 12)["k"] == "instead"
    assert find_switched_off(again, default, 12) == {}


@pytest.mark.parametrize(
    ("config", "lacking"),
    [
        ("subsets", {"k": "keys", "v": "values", "o": "outputs", "bias": "with_bias"}),
        ("healing", {}),  # which decides C4
    ],
)
def test_what_claim_c4_needs_is_run_or_known_to_be_off(config, lacking):
    overlay = yaml.safe_load((ROOT / f"configs/{config}.yaml").read_text())
    sweeps = read_config(overlaid(overlay)).sweeps
    needed = {"q", "k", "v", "o", "bias", "single"}
    off = find_switched_off(sweeps, DEFAULT["sweeps"], 12)
    assert needed - set(find_comparisons(sweeps, 12)) == set(lacking)
    assert {kind: name for kind, name in off.items() if kind in needed} == lacking
