"""The page of healing: what it says first, and its tables."""

from pathlib import Path

import pandas
from healing_table import healing_table
from needq.report.healing import HealingPages
from page_reader import Reader

TEMPLATES = sorted((Path(__file__).parents[3] / "report/templates").iterdir())
FACTORIAL = pandas.DataFrame(
    [
        {
            "blocks_replaced": 6,
            "effect": "W_Q x W_V",
            "rise": -0.123,
            "rise_low": -0.2,
            "rise_high": -0.1,
            "ratio": 0.672,
            "ratio_low": 0.65,
            "ratio_high": 0.693,
            "noise_seeds": 5,
            "documents": 100,
        }
    ]
)


def page(table, mixtures=None):
    return Reader(
        HealingPages(TEMPLATES, "test", ["cpu"], cuda=False).healing(table, mixtures)
    ).text


def test_the_finding_comes_first():
    text = page(healing_table())
    assert (
        "Noise in W_Q of 12 blocks raises nll by 2 nats per token; training W_K, W_V and W_O for 8 "
        "steps recovers 75% (73% to 77%) of this damage."
    ) in " ".join(text.split())
    for heading in ("W_Q of 12 blocks is noise", "W_Q of 6 blocks is noise", "On the way"):
        assert heading in text
    assert "tables/healing.tsv" in text
    assert "factorial" not in text


def test_mixtures_have_a_table_if_there_are_any():
    text = page(healing_table(counts=(12,)), FACTORIAL)
    assert "W_Q, W_K and W_V, alone and together" in text
    assert "-0.123" in text
    assert "0.672" in text
    assert "It decides no claim" in text
    assert "tables/factorial.tsv" in text


def test_an_interval_that_is_not_there_is_not_shown():
    table = healing_table().assign(recovered_low=float("nan"), recovered_high=float("nan"))
    assert "recovers 75% of this damage." in " ".join(page(table).split())


def test_sets_of_parameters_are_called_by_what_they_are():
    text = page(healing_table())
    shown = text[text.index("after the last step") : text.index("What the columns mean")]
    assert "W_K, W_V and W_O" in shown
    assert "keys_values_outputs" not in shown
