"""Subsets of blocks as numbers, and the random orders that lead to some of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.corrupt.subsets import blocks_of, is_exact, orders, prefixes, scored_subsets, subset_of

BLOCKS = st.sets(st.integers(0, 61))


@given(BLOCKS)
def test_a_subset_holds_its_blocks(blocks):
    subset = subset_of(blocks)
    assert blocks_of(subset, 62) == sorted(blocks)
    assert subset == sum(2**block for block in blocks) < 2**62


@given(st.permutations(range(9)))
def test_an_order_leads_from_no_block_to_all(order):
    found = prefixes(order)
    assert [blocks_of(subset, 9) for subset in found] == [
        sorted(order[:count]) for count in range(10)
    ]


@given(st.integers(1, 62), st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_orders_hold_every_block_once_and_come_with_their_reverse(n_blocks, seed, half):
    found = orders(n_blocks, seed, 2 * half)
    assert found.shape == (2 * half, n_blocks)
    assert (np.sort(found, axis=1) == np.arange(n_blocks)).all()
    assert (found[::2] == found[1::2, ::-1]).all()


def test_orders_are_keyed_by_noise_seed_and_place():
    few, many, other = orders(20, 3, 4), orders(20, 3, 10), orders(20, 4, 4)
    assert (few == many[:4]).all()
    assert (few != other).any()
    assert (few[0] != few[2]).any()
    # the same on every machine
    assert few[0].tolist()[:6] == [10, 13, 1, 11, 16, 7]


def test_every_place_is_as_likely_for_every_block():
    places = np.argsort(np.concatenate([orders(15, seed, 2) for seed in range(2000)]), axis=1)
    # 4,000 places per block, of which each half is the mirror image of the other
    counts = np.array([np.bincount(places[::2, block], minlength=15) for block in range(15)])
    expected = 2000 / 15
    assert abs(counts - expected).max() < 5 * expected**0.5


@pytest.mark.parametrize("n_blocks", [1, 4, 14])
def test_all_subsets_of_few_blocks_are_scored(n_blocks):
    assert is_exact(n_blocks)
    assert (scored_subsets(n_blocks, 0, 2) == np.arange(2**n_blocks)).all()


def test_of_many_blocks_those_are_scored_that_the_tables_need():
    n_blocks, whole = 20, 2**20 - 1
    assert not is_exact(n_blocks)
    found = scored_subsets(n_blocks, 7, 6)
    assert (np.diff(found) > 0).all()
    needed = {0, whole} | {2**block for block in range(20)} | {whole - 2**b for b in range(20)}
    needed |= {2**count - 1 for count in range(21)}
    for order in orders(n_blocks, 7, 6):
        needed |= {sum(2 ** int(block) for block in order[:count]) for count in range(21)}
    assert set(found.tolist()) == needed
