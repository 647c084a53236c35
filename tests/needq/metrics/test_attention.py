"""The table of attention: means and standard deviations over noise seeds, in the rows' order."""

import numpy as np
import pandas
import pytest
from needq.common import columns, published, tables
from needq.metrics.attention import attention_table, lowest_entropy


def rows(spreads, method="gaussian", replaced="all blocks"):
    """A row per noise seed of one head, with a spread of scores each."""
    return [
        {"method": method, "replaced": replaced, "noise_seed": seed, "block": 0, "head": 1}
        | {"score_spread": value, "entropy": 0.5, "self": 0.1, "previous": 0.2, "first": 0.3}
        for seed, value in spreads.items()
    ]


def test_seeds_are_averaged(tmp_path):
    values = {0: 1.0, 1: 2.0, 2: 4.5}
    table = attention_table([*rows({None: 3.0}, "pristine", "pristine"), *rows(values)])
    assert list(table) == list(columns.ATTENTION)
    assert table["method"].tolist() == ["pristine", "gaussian"]
    assert table["noise_seeds"].tolist() == [0, 3]
    assert table["score_spread"].tolist() == pytest.approx([3, 2.5])
    assert pandas.isna(table["score_spread_sd"][0])
    assert table["score_spread_sd"][1] == pytest.approx(np.std([1, 2, 4.5], ddof=1))
    assert table["entropy_sd"][1] == 0
    tables.write_table(tmp_path / "attention.tsv", table)
    back = published.read_table(tmp_path / "attention.tsv")
    pandas.testing.assert_frame_equal(back, table, check_dtype=False)


def test_the_lowest_entropy_of_the_pristine_blocks_is_a_mean_over_heads():
    table = pandas.DataFrame(
        [
            {"replaced": "pristine", "block": 0, "head": 0, "entropy": 0.9},
            {"replaced": "pristine", "block": 0, "head": 1, "entropy": 0.6},
            {"replaced": "pristine", "block": 1, "head": 0, "entropy": 0.99},
            {"replaced": "pristine", "block": 1, "head": 1, "entropy": 0.55},
            {"replaced": "all blocks", "block": 0, "head": 0, "entropy": 0.2},
        ]
    )
    assert lowest_entropy(table) == pytest.approx(0.75)
