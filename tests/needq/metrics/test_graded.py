"""Estimates of damaged shares follow the truth, and their intervals hold it."""

import fake_run
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_texts import VOCABULARY
from needq.common import columns
from needq.metrics import calibration, graded, graded_texts, statistics
from needq.metrics.graded_texts import CONTEXTUAL, LOCAL, REPETITION


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_the_reach_is_the_conformal_quantile(errors):
    reach = graded.conformal_reach(np.array(errors))
    within = sum(error <= reach for error in errors)
    assert within >= min(0.95 * (len(errors) + 1), len(errors)) - 1e-9
    if len(errors) < 19:
        assert reach == 1


@pytest.mark.parametrize("n", [19, 60, 180])
def test_the_reach_covers_a_new_error(n):
    """Vovk et al. 2005: LEVEL to LEVEL + 1 / (n + 1), whatever the distribution."""
    rng = np.random.default_rng(n)
    errors = rng.pareto(2.0, (4000, n + 1))
    covered = np.mean([row[-1] <= graded.conformal_reach(row[:-1]) for row in errors])
    assert 0.95 - 0.01 <= covered <= 0.95 + 1 / (n + 1) + 0.01


LEVELS = {LOCAL: 6.0, CONTEXTUAL: 2.5, REPETITION: -0.7, "own": 0.0}


def scored(own, seed=1):
    """Reference texts with made-up nlls, which rise with the damaged share."""
    references = graded_texts.with_graded_texts(
        calibration.make_reference_texts(own, VOCABULARY), own
    )
    rng = np.random.default_rng(seed)
    references["nlls"] = [
        rng.gamma(
            2.0, (1 + LEVELS.get(row.kind, 3.0) * np.nan_to_num(row.share)) / 2, len(row.tokens)
        )
        for row in references.itertuples()
    ]
    return references


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(3)
    return [([1, 2, 3], (rng.integers(0, 12, 40) ** 2 % 31).tolist()) for _ in range(160)]


def test_estimates_follow_the_share_and_intervals_hold_it(many):
    references = scored(many)
    scales = graded.fit_scales(references, VOCABULARY)
    found = scales.estimates(references).join(references[["kind", "share", "held_out"]])
    new = found[found["held_out"]]
    for axis in graded.AXES:
        assert ((new[f"{axis}_low"] <= new[axis]) & (new[axis] <= new[f"{axis}_high"])).all()
        assert new[[f"{axis}_low", f"{axis}_high"]].stack().between(0, 1).all()
        means = new[new["kind"] == axis].groupby("share")[axis].mean()
        assert means.iloc[-1] > means.iloc[0] + 0.3
        assert stats_of(means) > 0.9
    quality = {row["measure"]: row for row in graded.scales_quality(scales, references)}
    for axis in graded.AXES:
        assert 0.88 <= quality[f"coverage of intervals of {axis} damage"]["value"] <= 1
        width = quality[f"half-width of intervals of {axis} damage"]["value"]
        tested = new[new.index.isin(references.index[references["source"] >= 120])]
        known = graded.true_shares(references, axis)[tested.index].notna()
        half = ((tested[f"{axis}_high"] - tested[f"{axis}_low"]) / 2)[known]
        assert width == pytest.approx(half.mean())
        assert width < 0.5
        parts = [f"coverage of intervals of {axis} damage, {name}" for name in graded.RANGES]
        whole = quality[f"coverage of intervals of {axis} damage"]
        assert sum(quality[name]["texts"] for name in parts) == whole["texts"] == known.sum()
        held = sum(quality[name]["texts"] * quality[name]["value"] for name in parts)
        assert held == pytest.approx(whole["texts"] * whole["value"])


def test_intervals_hold_the_truth_at_every_true_share():
    """Estimates that are too low near 1, as those of a regression: 400 runs of the default size."""
    rng, shares = np.random.default_rng(5), np.arange(11) / 10
    covered, plain = np.zeros(11), np.zeros(11)
    for _ in range(400):
        truth = np.concatenate([np.zeros(100), np.repeat(shares[1:], 8)])
        found = (0.8 * truth + (0.02 + 0.06 * truth) * rng.normal(size=180)).clip(0, 1)
        usual, reach = graded.calibrate(truth, found)
        new = (0.8 * shares + (0.02 + 0.06 * shares) * rng.normal(size=11)).clip(0, 1)
        low, high = graded.likely_shares(new, usual, reach)
        covered += (low <= shares + 1e-9) & (shares - 1e-9 <= high)
        plain += np.abs(new - shares) <= graded.conformal_reach(np.abs(found - truth))
    assert (covered / 400 >= 0.87).all()  # guaranteed on average over each range
    for place in range(len(graded.RANGES)):
        mine = graded.range_of(shares) == place
        assert 0.93 <= covered[mine].mean() / 400 <= 0.99
    assert plain[10] / 400 < 0.7  # one reach for all shares, as it once was


def test_likely_shares_by_hand():
    usual = np.linspace(0, 0.5, 101)
    found = np.array([0.25, 0.5, 0.9])
    low, high = graded.likely_shares(found, usual, np.full(101, 0.1))
    np.testing.assert_allclose(low, [0.25, 0.5, 0.9])  # the estimate is always within
    np.testing.assert_allclose(high, [0.7, 1, 1])
    low, high = graded.likely_shares(np.array([0.3]), np.full(101, 0.3), np.zeros(101))
    assert (low[0], high[0]) == (0, 1)  # estimates that say nothing
    assert graded.range_of(np.array([0, 0.01, 0.5, 0.51, 1])).tolist() == [0, 1, 1, 2, 2]


def stats_of(means):
    """How nearly monotone: the rank correlation of means with their shares."""
    return np.corrcoef(np.argsort(np.argsort(means)), np.arange(len(means)))[0, 1]


def test_a_share_that_is_not_known_takes_no_part():
    kinds = [*graded.AXES, "own", "order 1"]
    table = pandas.DataFrame({"kind": kinds, "share": [0.3, 0.3, 0.3, 0.0, np.nan]})
    nan = np.nan
    for axis, expected in (
        (LOCAL, [0.3, 0, 0, 0, nan]),
        (CONTEXTUAL, [0.3, 0.3, nan, 0, nan]),
        (REPETITION, [0, 0, 0.3, 0, nan]),
    ):
        np.testing.assert_array_equal(graded.true_shares(table, axis), expected)


def test_held_out_texts_take_part_in_the_reach_alone(many):
    references = scored(many)
    other = references.copy()
    other.loc[other["held_out"], "nlls"] = other["nlls"].map(lambda nlls: nlls * 3)
    one, two = (graded.fit_scales(each, VOCABULARY) for each in (references, other))
    assert np.array_equal(one.weights, two.weights)
    assert (two.reach != one.reach).any()
    assert (two.usual != one.usual).any()
    # those left to test on, the last quarter, not even in that
    other = references.copy()
    other.loc[other["source"] >= 120, "nlls"] = other["nlls"].map(lambda nlls: nlls * 3)
    assert np.array_equal(one.reach, graded.fit_scales(other, VOCABULARY).reach)


def test_too_few_texts_are_not_fitted_to(own, many):
    assert graded.fit_scales(scored(own), VOCABULARY) is None  # nine to test on
    assert graded.scales_quality(None, scored(own)) == []
    assert graded.fit_scales(scored(many[:44]), VOCABULARY) is not None


def test_short_texts_get_no_estimate(many):
    scales = graded.fit_scales(scored(many), VOCABULARY)
    short = pandas.DataFrame({"tokens": [[1] * 7, [1] * 9], "nlls": [[1.0] * 7, [1.0] * 9]})
    found = scales.estimates(short)
    assert found.loc[0].isna().all()
    assert found.loc[1].notna().all()
    assert graded.ungraded(short).columns.tolist() == found.columns.tolist()


def test_the_table_has_means_over_noise_seeds_and_prompts():
    rows = pandas.DataFrame(fake_run.labels(fake_run.texts(0))).astype({"noise_seed": "Int64"})
    rng = np.random.default_rng(0)
    rows[list(graded.AXES)] = rng.random((len(rows), 3))
    rows.loc[rows["label"].isna(), list(graded.AXES)] = np.nan
    table = graded.axes_table({"cpu": rows})
    assert list(table) == list(columns.LABEL_AXES)
    assert len(table) == 13 * 3
    last = table[(table["blocks_replaced"] == 12) & (table["axis"] == LOCAL)].iloc[0]
    mine = rows[(rows["blocks_replaced"] == 12) & rows["label"].notna()]
    cells = mine.pivot(index="noise_seed", columns="prompt", values=LOCAL).to_numpy(float)
    expected = statistics.mean_of_crossed(cells)
    found = [last["share"], last["share_low"]]
    np.testing.assert_allclose(found, [float(expected.mean), float(expected.low)])
    assert last["texts"] == 40
