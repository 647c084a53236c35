"""Shapley values and interactions, by brute force over all orders and by another formula."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.metrics.shapley import pair_interactions, pairs, sampled_values, shapley_values, sizes


def games(n):
    """Damage of all subsets of n blocks, 0 for the empty one."""
    numbers = st.floats(-5, 5, allow_nan=False)
    return st.lists(numbers, min_size=2**n - 1, max_size=2**n - 1).map(lambda v: np.array([0, *v]))


def by_all_orders(damage, n):
    """What each block adds, mean over all n! orders."""
    values = np.zeros((n, *damage.shape[1:]))
    found = list(permutations(range(n)))
    for order in found:
        subset = 0
        for block in order:
            values[block] += damage[subset | 2**block] - damage[subset]
            subset |= 2**block
    return values / len(found)


def dividends(damage):
    """Harsanyi's dividends: what each group does beyond its smaller groups (Moebius transform)."""
    found = np.zeros(len(damage))
    for group in range(len(damage)):
        inside = [subset for subset in range(group) if subset & group == subset]
        found[group] = damage[group] - sum(found[subset] for subset in inside)
    return found


@settings(deadline=None, max_examples=50)
@given(games(4))
def test_values_are_means_over_all_orders(damage):
    found = shapley_values(damage)
    np.testing.assert_allclose(found, by_all_orders(damage, 4), atol=1e-12)
    assert found.sum() == pytest.approx(damage[-1], abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(games(4))
def test_values_and_interactions_are_shares_of_dividends(damage):
    """Grabisch and Roubens 1999: a dividend is shared by its blocks, and among its pairs."""
    dividend, values = dividends(damage), shapley_values(damage)
    interactions = pair_interactions(damage)
    for block in range(4):
        groups = [group for group in range(16) if group >> block & 1]
        share = sum(dividend[group] / group.bit_count() for group in groups)
        assert values[block] == pytest.approx(share, abs=1e-9)
    for one, other in pairs(4):
        groups = [group for group in range(16) if group >> one & group >> other & 1]
        share = sum(dividend[group] / (group.bit_count() - 1) for group in groups)
        assert interactions[one, other] == pytest.approx(share, abs=1e-9)
        assert interactions[other, one] == interactions[one, other]
    assert (np.diag(interactions) == 0).all()


def test_each_cell_is_computed_by_itself():
    damage = np.random.default_rng(0).normal(size=(8, 3, 5))
    damage[0] = 0
    whole, interactions = shapley_values(damage), pair_interactions(damage)
    assert whole.shape == (3, 3, 5)
    assert interactions.shape == (3, 3, 3, 5)
    for cell in np.ndindex(3, 5):
        own = damage[:, *cell]
        np.testing.assert_allclose(whole[:, *cell], shapley_values(own), atol=1e-14)
        np.testing.assert_allclose(interactions[:, :, *cell], pair_interactions(own), atol=1e-14)


def test_blocks_that_only_add_do_not_interact():
    alone = np.array([0.5, 0, 2, -1])
    damage = np.array([sum(alone[b] for b in range(4) if s >> b & 1) for s in range(16)])
    np.testing.assert_allclose(shapley_values(damage), alone)
    np.testing.assert_allclose(pair_interactions(damage), 0, atol=1e-14)


def test_two_blocks_that_back_each_other_up_and_two_that_overlap():
    subsets = np.arange(16)
    both, either = subsets & 3 == 3, subsets & 12 > 0
    damage = 1.0 * both + 1.0 * either
    np.testing.assert_allclose(shapley_values(damage), 0.5)
    interactions = pair_interactions(damage)
    assert interactions[0, 1] == pytest.approx(1)
    assert interactions[2, 3] == pytest.approx(-1)
    assert np.abs(interactions).sum() == pytest.approx(4)


@settings(deadline=None, max_examples=20)
@given(games(4))
def test_all_orders_sampled_give_the_exact_values(damage):
    known = {subset: damage[subset : subset + 1] for subset in range(16)}
    orders = np.array(list(permutations(range(4))))
    np.testing.assert_allclose(
        sampled_values(known, orders)[:, 0], shapley_values(damage), atol=1e-12
    )
    some = sampled_values(known, orders[[3, 11]])
    assert some.sum() == pytest.approx(damage[-1], abs=1e-9)


def test_an_order_and_its_reverse_estimate_with_less_chance():
    """The damage of a pair is shared rightly by any order and its mirror image."""
    damage = np.array([0, 0, 0, 1, 0, 0, 0, 1.0])  # blocks 0 and 1
    known = {subset: damage[subset : subset + 1] for subset in range(8)}
    for order in permutations(range(3)):
        found = sampled_values(known, np.array([order, order[::-1]]))
        np.testing.assert_allclose(found[:, 0], [0.5, 0.5, 0])


def test_sizes_and_refusals():
    assert sizes(np.array([0, 1, 6, 2**61 + 1])).tolist() == [0, 1, 2, 2]
    with pytest.raises(ValueError, match="7 subsets"):
        shapley_values(np.zeros(7))
