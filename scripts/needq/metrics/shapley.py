"""Shapley values of blocks, and interactions of pairs, from the damage of subsets of blocks.

Damage is an array [2^n, ...] over the subsets of n blocks, by number (`corrupt.subsets`), with 0
for the empty one. What follows after the subsets (noise seeds, documents) is computed cell by cell,
which is right since everything here is linear in the damage.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import comb

import numpy

from needq.corrupt.subsets import prefixes


def shapley_values(damage: numpy.ndarray) -> numpy.ndarray:
    """The Shapley value of each block [n, ...]: what it adds, mean over all orders of the blocks.

    Shapley 1953, "A value for n-person games". The values sum to the damage of all blocks.
    """
    n = _blocks(damage)
    subsets = numpy.arange(len(damage))
    values = []
    for block in range(n):
        without = subsets[subsets >> block & 1 == 0]
        added = damage[without | 1 << block] - damage[without]
        values.append(numpy.tensordot(_weights(without, n), added, 1))
    return numpy.array(values)


def pair_interactions(damage: numpy.ndarray) -> numpy.ndarray:
    """The Shapley interaction index of each pair of blocks [n, n, ...], 0 for a block with itself.

    Grabisch and Roubens 1999, "An axiomatic approach to the concept of interaction among players in
    cooperative games". It is the damage of both blocks less the sum of that of each, mean over what
    else is replaced, with the weights that Shapley values have for n - 1 blocks, the pair being
    one. Above 0: together they cost more than their sum. Below 0: their damages overlap. Each
    number of other blocks has the same weight. (In the Shapley-Taylor index, few other blocks weigh
    more, so that the interactions sum to the whole damage.)
    """
    n = _blocks(damage)
    subsets = numpy.arange(len(damage))
    found = numpy.zeros((n, n, *damage.shape[1:]))
    for first, second in combinations(range(n), 2):
        one, other = 1 << first, 1 << second
        without = subsets[subsets & (one | other) == 0]
        both = damage[without | one | other] + damage[without]
        excess = both - damage[without | one] - damage[without | other]
        found[first, second] = numpy.tensordot(_weights(without, n - 1), excess, 1)
        found[second, first] = found[first, second]
    return found


def sampled_values(damage: Mapping[int, numpy.ndarray], orders: numpy.ndarray) -> numpy.ndarray:
    """Estimates of the Shapley values [n, ...]: what each block adds, mean over some orders.

    `damage` maps each subset that an order [orders, n] leads to to its damage. They sum to the
    damage of all blocks.
    """
    values = [numpy.zeros_like(next(iter(damage.values()))) for _ in orders[0]]
    for order in orders:
        before = prefixes(order)
        for place, block in enumerate(order):
            values[block] = values[block] + damage[before[place + 1]] - damage[before[place]]
    return numpy.array(values) / len(orders)


def pairs(n_blocks: int) -> Iterator[tuple[int, int]]:
    """Each pair of blocks once, the first block before the second."""
    return combinations(range(n_blocks), 2)


def sizes(subsets: numpy.ndarray) -> numpy.ndarray:
    """How many blocks each subset holds."""
    return numpy.array([int(subset).bit_count() for subset in subsets])


def _blocks(damage: numpy.ndarray) -> int:
    """The number of blocks of an array over all subsets."""
    n = len(damage).bit_length() - 1
    if len(damage) != 1 << n:
        raise ValueError(f"{len(damage)} subsets are not all those of some number of blocks")
    return n


def _weights(subsets: numpy.ndarray, n: int) -> numpy.ndarray:
    """The share of the orders of n players in which exactly a subset comes before a given one."""
    return numpy.array([1 / (n * comb(n - 1, size)) for size in sizes(subsets)])
