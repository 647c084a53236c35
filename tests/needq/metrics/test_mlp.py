"""The MLP beside W_Q: rises and ratios of known size, inside their intervals often enough."""

import numpy as np
import pandas
import pytest
from mlp_data import COUNTS, SWEEPS, changes, entry, evaluation, rows_of
from needq.common import tables, unit_columns
from needq.common.published import read_table
from needq.metrics.mlp import Rise, changes_table, mlp_table, ratio_to_query
from scipy.stats import t


def test_each_step_has_its_rise_and_its_ratio_to_w_q():
    table = mlp_table(evaluation(), SWEEPS)
    assert list(table) == list(unit_columns.MLP)
    assert table["sweep"].tolist() == [one["sweep"] for one in SWEEPS for _ in COUNTS]
    by_query = table[table["sweep"] == "query"].set_index("blocks_replaced")["rise"]
    rows = evaluation()
    pristine = rows[rows["blocks_replaced"] == 0].groupby(["sweep", "document"])["nll"].mean()
    for row in table.itertuples():
        scored = rows[rows["intervention"] == row.intervention]
        paired = scored["nll"].to_numpy() - pristine[row.sweep][scored["document"]].to_numpy()
        assert row.rise == pytest.approx(paired.mean())
        assert row.rise_low < row.rise < row.rise_high
        assert (row.noise_seeds, row.documents) == (5, 20)
    known = table[table["ratio"].notna()]
    equal = known[known["method"] == "matched_outputs"]
    # every cell is twice that of W_Q, so the ratio is certain
    assert equal["ratio"].tolist() == pytest.approx([2.0] * 5)
    assert equal["ratio_low"].tolist() == pytest.approx([2.0] * 5, abs=1e-6)
    noise = known[known["sweep"] == "mlp"].set_index("blocks_replaced")
    for count in (3, 6):
        ratio = noise.loc[count, "rise"] / by_query[count]
        assert noise.loc[count, "ratio"] == pytest.approx(ratio)
        assert noise.loc[count, "ratio_low"] < noise.loc[count, "ratio"]
        assert noise.loc[count, "ratio"] < noise.loc[count, "ratio_high"]


def test_no_ratio_to_what_may_be_no_damage():
    table = mlp_table(evaluation(), SWEEPS)
    first = table[(table["blocks_replaced"] == 1) & table["block"].isna()]
    assert first["sweep"].tolist() == ["query", "mlp", "equal"]
    assert first["ratio"].isna().all()
    assert table[table["matrix"] == "q"]["ratio"].isna().all()


def test_single_blocks_are_compared_block_by_block():
    table = mlp_table(evaluation(), SWEEPS)
    single = table[table["sweep"] == "single_equal"]
    assert single["block"].tolist() == [0, 1, 2]
    assert single["ratio"].tolist() == pytest.approx([2.0] * 3)


def test_without_a_sweep_of_w_q_there_are_rises_alone():
    table = mlp_table(evaluation(), [entry("mlp", reference=None)])
    assert len(table) == len(COUNTS)
    assert table["ratio"].isna().all()
    assert table["rise"].notna().all()


def test_few_noise_seeds_have_no_interval_of_the_ratio():
    table = mlp_table(evaluation(seeds=3), SWEEPS)
    known = table[table["ratio"].notna()]
    assert len(known)
    assert known[["ratio_low", "ratio_high"]].isna().all(axis=None)


def test_a_method_without_noise_has_intervals_over_documents():
    rng = np.random.default_rng(0)
    rises = 1 + 0.2 * rng.normal(size=(1, 30, len(COUNTS)))
    rows = pandas.DataFrame(rows_of("zero", "mlp", rises, COUNTS, noise=False))
    rows = rows.astype({"noise_seed": "Int64", "block": "Int64"})
    table = mlp_table(rows, [entry("zero", method="zero", reference=None)])
    assert table["noise_seeds"].tolist() == [0] * len(COUNTS)
    first = rises[0, :, 0]
    low, high = t.interval(0.95, 29, first.mean(), first.std(ddof=1) / 30**0.5)
    assert (table["rise_low"][0], table["rise_high"][0]) == pytest.approx((low, high))


def test_the_interval_of_a_ratio_contains_the_true_ratio_as_often_as_it_says():
    """200 runs in which noise in the MLP, other than that in W_Q, does 2 times its damage."""
    inside = 0
    for run in range(200):
        rng = np.random.default_rng(run)
        by_document = 0.3 * rng.normal(size=(1, 20, 1))
        mlp, query = (
            Rise("", mean * (1 + by_document + by_seed + cells)[..., 0], True)
            for mean in (2.0, 1.0)
            for by_seed in [0.1 * rng.normal(size=(8, 1, 1))]
            for cells in [0.1 * rng.normal(size=(8, 20, 1))]
        )
        ratio = ratio_to_query(mlp, query)
        inside += ratio.low < 2 < ratio.high
    assert 181 <= inside <= 199  # 190 expected; outside of this with a probability of 0.4%


def test_changes_are_written_as_they_are_measured(tmp_path):
    table = changes_table([changes(), []])
    tables.write_table(tmp_path / "output_changes.tsv", table, tables.MEASURED)
    again = read_table(tmp_path / "output_changes.tsv")
    assert list(again) == list(unit_columns.OUTPUT_CHANGES)
    assert len(again) == 30
    assert again["change_all_noise"][0] == 0.8
    empty = changes_table([])
    tables.write_table(tmp_path / "output_changes.tsv", empty, tables.MEASURED)
    assert len(read_table(tmp_path / "output_changes.tsv")) == 0
