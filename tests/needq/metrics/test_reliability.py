"""The reliability of rankings agrees with scipy, plain loops and simulation."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.corrupt.keyed import key, uniform
from needq.metrics import reliability
from scipy import stats
from unit_data import crossed

VALUES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


@given(VALUES)
def test_ranks_are_those_of_scipy(values):
    expected = stats.rankdata([-value for value in values])
    numpy.testing.assert_array_equal(reliability.ranks(numpy.array(values, float)), expected)


def test_ranks_are_along_the_last_axis():
    values = numpy.array([[[3.0, 1.0, 2.0]], [[0.0, 5.0, 5.0]]])
    assert reliability.ranks(values).tolist() == [[[1, 3, 2]], [[3, 1.5, 1.5]]]


@pytest.mark.parametrize("seeds", [1, 5])
def test_split_half_is_that_of_a_plain_loop(seeds):
    rng = numpy.random.default_rng(0)
    values = rng.normal(size=(seeds, 11, 6)) + numpy.arange(6) / 3
    values[:, :, 5] = values[:, :, 4]  # ties
    order = uniform(key("units", "halves", 11), 200 * 11).reshape(200, 11).argsort(1)
    seed_order = uniform(key("units", "seeds", seeds), 200 * seeds).reshape(200, seeds).argsort(1)
    found = []
    for own, noise in zip(order, seed_order, strict=True):
        first, second = (noise[:2], noise[2:4]) if seeds == 5 else ([0], [0])
        one = values[first][:, own[:5]].mean((0, 1))
        other = values[second][:, own[5:10]].mean((0, 1))
        found.append(stats.spearmanr(one, other).statistic)
    r = sum(found) / len(found)
    assert reliability.split_half(values) == pytest.approx(2 * r / (1 + r))


def test_split_half_is_the_correlation_of_two_lots_of_as_many_seeds_and_documents():
    """What the formula of Spearman and Brown promises: agreement with others."""
    rng = numpy.random.default_rng(1)
    effects = 1.5 * rng.normal(size=300)
    one, other = (crossed(rng, 6, 20, 300, effects) for _ in range(2))
    agreement = stats.spearmanr(one.mean((0, 1)), other.mean((0, 1))).statistic
    assert 0.8 < agreement < 0.97
    assert reliability.split_half(one) == pytest.approx(agreement, abs=0.04)


def test_split_half_of_units_that_are_all_alike_is_near_0():
    rng = numpy.random.default_rng(2)
    assert abs(reliability.split_half(crossed(rng, 5, 20, 300))) < 0.2
    # though one noise does the same to all documents
    assert (
        abs(reliability.split_half(crossed(rng, 5, 20, 300) + rng.normal(size=(5, 1, 300)))) < 0.2
    )


def test_split_half_needs_two_documents_and_unlike_units():
    assert numpy.isnan(reliability.split_half(numpy.ones((5, 1, 3))))
    assert numpy.isnan(reliability.split_half(numpy.ones((5, 4, 3))))
    assert numpy.isnan(reliability.split_half(numpy.ones((5, 4, 1))))
    assert reliability.split_half(numpy.tile([3.0, 1.0, 2.0], (2, 4, 1))) == 1


@given(st.integers(2, 5), st.integers(2, 6), st.integers(0, 10_000))
def test_concordance_is_friedmans_test(seeds, units, number):
    values = numpy.random.default_rng(number).integers(0, 5, size=(seeds, units)).astype(float)
    w, p = reliability.concordance(values)
    if all(len(set(row)) == 1 for row in values.tolist()):
        assert numpy.isnan(w)
        assert numpy.isnan(p)
    elif units > 2:  # scipy asks for three
        statistic, expected = stats.friedmanchisquare(*values.T)
        assert seeds * (units - 1) * w == pytest.approx(statistic, abs=1e-9)
        assert p == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("units", "too_large"), [(20, 0.01), (4, 0.04)])
def test_the_p_of_concordance_is_that_of_permutations(units, too_large):
    """With few units it is somewhat larger, so it says too seldom that seeds agree."""
    rng = numpy.random.default_rng(units)
    values = rng.normal(size=(5, units)) + 0.5 * rng.normal(size=units)
    w, p = reliability.concordance(values)
    drawn = [reliability.concordance(rng.permuted(values, axis=1))[0] for _ in range(4000)]
    expected = (numpy.array(drawn) >= w - 1e-9).mean()
    assert 0.005 < expected < 0.3
    assert expected - 0.01 < p < expected + too_large


def test_concordance_of_seeds_that_agree_is_one_and_of_one_seed_unknown():
    assert reliability.concordance(numpy.tile([3.0, 1.0, 1.0, 1.0], (5, 1)))[0] == pytest.approx(1)
    assert numpy.isnan(reliability.concordance(numpy.array([[1.0, 2.0]]))).all()


def test_the_p_of_seeds_with_documents_of_their_own_holds_for_other_documents():
    """Documents that move units alike under every seed make seeds agree, but not this p small."""
    small, naive = 0, 0
    for number in range(60):
        rng = numpy.random.default_rng(number)
        values = crossed(rng, 5, 15, 12, spread=0.3) + 2 * rng.normal(size=(1, 15, 12))
        small += reliability.concordance_p(values, 20) <= 0.05
        naive += reliability.concordance(values.mean(1))[1] <= 0.05
    assert small <= 3
    assert naive > 40


def test_the_p_of_seeds_that_agree_everywhere_is_small():
    values = crossed(numpy.random.default_rng(0), 5, 20, 10, effects=2 * numpy.arange(10))
    assert reliability.concordance_p(values) < 1e-3
    assert numpy.isnan(reliability.concordance_p(values[:1]))
    assert numpy.isnan(reliability.concordance_p(values[:, :4]))


def test_the_p_of_seeds_is_that_of_a_plain_loop():
    values = crossed(numpy.random.default_rng(1), 3, 8, 6, effects=numpy.arange(6) / 2)
    order = uniform(key("units", "parts", 8), 200 * 8).reshape(200, 8).argsort(1)
    found = []
    for own in order:
        rows = [values[seed][own[2 * seed : 2 * seed + 2]].mean(0) for seed in range(3)]
        found.append(stats.friedmanchisquare(*numpy.transpose(rows)).pvalue)
    assert reliability.concordance_p(values) == pytest.approx(min(1, 2 * numpy.mean(found)))


def test_rank_shares_are_those_of_another_bootstrap():
    rng = numpy.random.default_rng(2)
    values = crossed(rng, 5, 30, 8, effects=numpy.arange(8) / 2)
    found = reliability.rank_shares(values, 2)
    own = []
    for _ in range(4000):
        seeds, documents = rng.integers(5, size=5), rng.integers(30, size=30)
        means = values[numpy.ix_(seeds, documents)].mean((0, 1))
        own.append(stats.rankdata(-means))
    own = numpy.array(own)
    numpy.testing.assert_allclose(found.top, (own <= 2).mean(0), atol=0.05)
    numpy.testing.assert_allclose(found.bottom, (own >= 7).mean(0), atol=0.05)
    numpy.testing.assert_allclose(found.low, numpy.quantile(own, 0.025, axis=0), atol=1)
    numpy.testing.assert_allclose(found.high, numpy.quantile(own, 0.975, axis=0), atol=1)


def test_one_seed_is_kept_as_it_is():
    rng = numpy.random.default_rng(3)
    values = rng.normal(size=(1, 40, 5))
    twice = numpy.concatenate([values, values])
    for one, other in zip(
        reliability.rank_shares(values, 1), reliability.rank_shares(twice, 1), strict=True
    ):
        numpy.testing.assert_array_equal(one, other)


def test_equal_units_are_among_neither_the_highest_nor_the_lowest():
    values = numpy.zeros((5, 10, 20))
    values[:, :, 0] = 1
    found = reliability.rank_shares(values, 2)
    assert found.top.tolist() == [1] + [0] * 19
    assert found.bottom.tolist() == [0] * 20


def test_the_number_of_resamples_computed_at_once_changes_nothing(monkeypatch):
    values = crossed(numpy.random.default_rng(4), 3, 7, 4)
    whole = reliability.rank_shares(values, 1)
    monkeypatch.setattr(reliability, "TOGETHER", 7)
    for one, other in zip(whole, reliability.rank_shares(values, 1), strict=True):
        numpy.testing.assert_array_equal(one, other)
