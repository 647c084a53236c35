"""The table of replacement methods: rises and ratios of damage, their intervals, and verdicts."""

import numpy as np
import pandas
import pytest
from claim_data import documents, rows_of
from needq.common import columns, tables
from needq.common.published import read_table
from needq.metrics.replacement_methods import replacement_methods_table
from needq.plan.comparisons import METHODS
from pandas import DataFrame
from scipy.stats import t


def test_a_run_without_another_method_has_a_table_of_no_rows(tmp_path):
    table = replacement_methods_table(DataFrame(), {"q": "cumulative"})
    tables.write_table(tmp_path / "replacement_methods.tsv", table)
    written = read_table(tmp_path / "replacement_methods.tsv")
    assert list(written) == list(columns.REPLACEMENT_METHODS)


def made(shares, seeds=5, without=("zero", "identity", "zero_bias"), steps=(0, 6, 12)):
    """Documents scored under Gaussian noise, and under methods that do shares of its damage."""
    rng = np.random.default_rng(0)
    gaussian = documents(rng, np.linspace(0.5, 3, 12), seeds)
    rise = gaussian[:, :, 1:] - gaussian[:, :, :1]
    found = {"q": gaussian}
    for name, share in shares.items():
        table = np.concatenate([gaussian[:, :, :1], gaussian[:, :, :1] + share * rise], axis=2)
        found[name] = table[: 1 if name in without else seeds]
    evaluation = pandas.DataFrame(
        [
            row
            for name, table in found.items()
            for row in rows_of(table, name, "document", "nll")
            if name == "q" or row["blocks_replaced"] in steps
        ]
    )
    evaluation.loc[evaluation["sweep"].isin(without), "noise_seed"] = None
    return found, evaluation


SHARES = {"matched_scores": 1.6, "permuted": 1.01, "zero": 0.4, "bias": 1.1, "zero_bias": 1.02}


def test_methods_are_compared_with_gaussian_noise_in_half_and_in_all_blocks():
    sweeps, evaluation = made(SHARES)
    found = replacement_methods_table(evaluation, {name: name for name in sweeps})
    kinds = ["q", *(kind for kind in METHODS if kind in SHARES)]
    names = {"q": ("gaussian", "kept"), "bias": ("gaussian", "replaced")}
    names |= {"zero_bias": ("zero", "replaced")}
    assert found["method"].tolist() == [names.get(k, (k, 0))[0] for k in kinds for _ in "12"]
    assert found["bias"].tolist() == [names.get(k, (0, "kept"))[1] for k in kinds for _ in "12"]
    assert found["blocks_replaced"].tolist() == [6, 12] * len(kinds)
    own = found.set_index(["method", "bias", "blocks_replaced"])
    for kind, table in sweeps.items():
        for count in (6, 12):
            row = own.loc[(*names.get(kind, (kind, "kept")), count)]
            assert row["rise"] == pytest.approx((table[..., count] - table[..., 0]).mean())
            assert row["rise_low"] < row["rise"] < row["rise_high"]
            ratio = (table[..., count] - table[..., 0]).mean()
            ratio /= (sweeps["q"][..., count] - sweeps["q"][..., 0]).mean()
            assert row["ratio"] == pytest.approx(ratio)
    assert pandas.isna(own.loc[("gaussian", "kept", 6), ["low", "high", "verdict"]]).all()
    verdicts = own["verdict"].xs(12, level="blocks_replaced")
    assert verdicts["matched_scores", "kept"] == "more damage"
    assert verdicts["permuted", "kept"] == "within a fifth"
    assert verdicts["zero", "kept"] == "less damage"
    assert verdicts["gaussian", "replaced"] == "within a fifth"


def test_the_rise_of_a_method_without_noise_has_students_interval_over_documents():
    sweeps, evaluation = made({"zero": 0.7})
    found = replacement_methods_table(evaluation, {name: name for name in sweeps})
    row = found[found["method"] == "zero"].iloc[-1]
    rises = (sweeps["zero"][0, :, 12] - sweeps["zero"][0, :, 0]).tolist()
    low, high = t.interval(0.95, len(rises) - 1, np.mean(rises), np.std(rises, ddof=1) / 29**0.5)
    assert (row["rise_low"], row["rise_high"]) == pytest.approx((low, high))


def test_a_ratio_whose_interval_has_1_and_5_4_is_undecided():
    rng = np.random.default_rng(1)
    sweeps, evaluation = made({"permuted": 1.1})
    own = evaluation["sweep"] == "permuted"
    seeds = evaluation["noise_seed"].map(dict(enumerate([-2.0, 2.0, 1.0, -1.0, 0.5])))
    evaluation.loc[own, "nll"] += seeds[own].fillna(0) + rng.normal(size=own.sum()) / 100
    found = replacement_methods_table(evaluation, {name: name for name in sweeps})
    assert found["verdict"].tolist()[2:] == ["undecided", "undecided"]


def test_fewer_than_five_seeds_decide_nothing(tmp_path):
    sweeps, evaluation = made({"permuted": 1.01}, seeds=4)
    found = replacement_methods_table(evaluation, {name: name for name in sweeps})
    assert found["low"].tolist()[2:] == found["high"].tolist()[2:] == ["n too small"] * 2
    assert found["verdict"].tolist()[2:] == ["undecided"] * 2
    tables.write_table(tmp_path / "replacement_methods.tsv", found, tables.MEASURED)
    back = read_table(tmp_path / "replacement_methods.tsv")
    assert back["rise_low"].tolist() == pytest.approx(found["rise_low"].tolist(), rel=1e-5)


def test_methods_are_compared_at_the_steps_that_both_sweeps_have():
    sweeps, evaluation = made({"permuted": 1.01}, steps=(0, 2, 7, 10))
    found = replacement_methods_table(evaluation, {name: name for name in sweeps})
    assert found[found["method"] == "permuted"]["blocks_replaced"].tolist() == [7, 10]


@pytest.mark.parametrize("truth", [1.0, 1.3])
def test_the_interval_of_a_ratio_covers_the_truth(truth):
    """In 300 simulated runs: 95% within 4.5 standard errors of a share of 300."""
    inside = []
    for run in range(300):
        rng = np.random.default_rng(run)
        seeds, count = 5, 29
        document = np.exp(0.4 * rng.normal(size=(1, count)))
        rises = {
            name: share * document * np.exp(0.1 * rng.normal(size=(seeds, 1)))
            + 0.05 * rng.normal(size=(seeds, count))
            for name, share in (("q", 1.0), ("permuted", truth))
        }
        pristine = rng.normal(size=(1, count)) + 3
        rows = [
            row
            for name, rise in rises.items()
            for row in rows_of(
                np.stack([np.broadcast_to(pristine, rise.shape), pristine + rise], axis=2),
                name,
                "document",
                "nll",
            )
        ]
        found = replacement_methods_table(DataFrame(rows), {"q": "q", "permuted": "permuted"})
        row = found.iloc[-1]
        inside.append(row["low"] <= truth <= row["high"])
    assert np.mean(inside) == pytest.approx(0.95, abs=4.5 * (0.95 * 0.05 / 300) ** 0.5)
