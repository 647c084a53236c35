"""P-values of ranges, Holm's correction and verdicts, against scipy, by hand and by simulation."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.metrics import holm, shares, statistics
from needq.metrics.statistics import Estimate
from scipy.stats import t

S, R, U, C = "supported", "refuted", "undecided", "cannot be decided"
NOTHING = Estimate(nan, nan, nan)


def normal(mean, error=1.0, freedom=1e9):
    return lambda level: statistics.interval(mean, error**2, freedom, level)


@given(st.floats(0.1, 6), st.floats(2, 100), st.sampled_from([-1, 1]))
def test_a_p_value_is_that_of_a_t_test(distance, freedom, sign):
    at = normal(sign * (2 + distance), freedom=freedom)
    wanted = 2 * t.sf(distance, freedom)
    assert holm.p_value(at, -2, 2) == pytest.approx(max(wanted, holm.SMALLEST), rel=1e-6)


@given(st.floats(-4, 4), st.floats(0.2, 2))
def test_a_p_value_agrees_with_the_95_percent_interval(mean, error):
    at = normal(mean, error)
    assert (holm.p_value(at, -1, inf) <= 0.05) == holm.outside(at(0.95), -1, inf)
    if mean > -1:
        assert holm.p_value(at, -1, inf) == 1


def test_a_p_value_of_a_share_is_where_its_interval_ends():
    right = np.zeros((5, 40))
    right[:, :10] = 1

    def at(level):
        return shares.share_of_crossed(right, None, level)

    p = holm.p_value(at, 0.5, inf)
    assert at(1 - p).high == pytest.approx(0.5, abs=1e-6)
    assert 0 < p < 0.05


def test_without_an_interval_there_is_no_proof():
    assert holm.p_value(lambda level: NOTHING, 0, 1) == 1
    assert holm.verdict(NOTHING, 0, 1) == U


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2 (not below the one before), 0.9
    found = holm.adjusted([0.03, 0.9, 0.01, 0.02])
    assert found == pytest.approx([0.06, 0.9, 0.04, 0.06])
    assert holm.adjusted([]) == []
    assert holm.adjusted([0.5, 0.6]) == [1.0, 1.0]


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_rule_rejects(values):
    rejected, order = set(), sorted(range(len(values)), key=lambda i: values[i])
    for rank, place in enumerate(order):
        if values[place] > 0.05 / (len(values) - rank):
            break
        rejected.add(place)
    found = holm.adjusted(values)
    assert {i for i, p in enumerate(found) if p <= 0.05 * (1 - 1e-12)} <= rejected
    assert rejected <= {i for i, p in enumerate(found) if p <= 0.05 * (1 + 1e-12)}


def test_refuting_takes_more_if_there_are_more_tests():
    one = holm.in_range("C1", "t; above 0", normal(-2.1), 0, inf)
    other = holm.in_range("C1", "t; above 0", normal(3), 0, inf)
    left_out = holm.untested("C1", "t", "no text")
    assert holm.verdicts([one])[1] == [R]
    assert holm.verdicts([one, other, left_out])[1] == [U, S, C]  # 0.036 * 2
    corrected, _ = holm.verdicts([one, left_out])
    assert corrected[0] == one.p
    assert np.isnan(corrected[1])


def test_a_claim_is_what_its_tests_are():
    assert holm.verdict_of_all([S, S]) == S
    assert holm.verdict_of_all([S, U]) == U
    assert holm.verdict_of_all([S, U, C]) == C
    assert holm.verdict_of_all([C, R, U]) == R


def test_of_several_parts_all_count_and_the_worst_is_shown():
    def each(*means):
        parts = {f"block {place}": normal(mean) for place, mean in enumerate(means)}
        return holm.each_in_range("C1", "rise", parts, "below 5", -inf, 5)

    found = each(1, 2, 0)
    assert found.inside
    assert found.test == "rise (worst: block 1); below 5"
    assert found.estimate.mean == 2
    assert found.p == 1
    found = each(1, 7.5, 0)
    assert not found.inside
    assert found.p == pytest.approx(3 * holm.p_value(normal(7.5), -inf, 5))
    assert not each(1, 4, 0).inside  # one of them is undecided


def test_true_claims_are_refuted_in_at_most_a_twentieth_of_data_sets():
    """Five tests of which each truth is at its mark, over 5 noise seeds and 30 items."""
    rng, refuted, single = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        outcomes = []
        for _ in range(5):
            values = 0.3 * rng.normal(size=(5, 1)) + 0.5 * rng.normal(size=(1, 30))
            values = values + rng.normal(size=(5, 30))
            moments = statistics.crossed_variance(values)
            at = lambda level, m=moments: statistics.interval(*m, level)  # noqa: E731
            outcomes.append(holm.in_range("C1", "t; above 0", at, 0, inf))
        _, found = holm.verdicts(outcomes)
        refuted += R in found
        single += sum(holm.outside(one.estimate, 0, inf) for one in outcomes)
    assert refuted / 1000 <= 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5
    assert 0.015 <= single / 5000 <= 0.04  # without a correction, each has its fortieth
