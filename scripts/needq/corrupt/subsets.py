"""Subsets of blocks: which ones are scored, and the orders of blocks that lead to them.

A subset is a number whose bit b says whether block b is replaced.
"""

from collections.abc import Iterable

import numpy

from needq.common.subsets import EXACT_BLOCKS
from needq.corrupt import keyed


def subset_of(blocks: Iterable[int]) -> int:
    """The subset that holds these blocks."""
    return sum(1 << int(block) for block in blocks)


def blocks_of(subset: int, n_blocks: int) -> list[int]:
    """The blocks of a subset, in ascending order."""
    return [block for block in range(n_blocks) if subset >> block & 1]


def is_exact(n_blocks: int) -> bool:
    """Whether every subset of this many blocks is scored."""
    return n_blocks <= EXACT_BLOCKS


def orders(n_blocks: int, noise_seed: int, count: int) -> numpy.ndarray:
    """`count` random orders of the blocks for a noise seed, int64 [count, blocks].

    Each second one is the reverse of the one before (antithetic sampling, Mitchell, Cooper, Frank
    and Holmes 2022, "Sampling permutations for Shapley value estimation"): a block that comes late
    in one comes early in the other, so that their mean varies less.
    """
    drawn = []
    for pair in range(-(-count // 2)):
        order = numpy.argsort(
            keyed.uniform(keyed.key("order", noise_seed, pair), n_blocks), kind="stable"
        )
        drawn += [order, order[::-1]]
    return numpy.array(drawn[:count])


def prefixes(order: Iterable[int]) -> list[int]:
    """The subsets that an order of blocks leads to: none, its first block, and so on to all."""
    found = [0]
    for block in order:
        found.append(found[-1] | 1 << int(block))
    return found


def scored_subsets(n_blocks: int, noise_seed: int, permutations: int) -> numpy.ndarray:
    """The subsets that are scored under a noise seed, ascending, int64.

    All of them if there are few blocks. Otherwise those that `permutations` random orders lead to,
    the first 0, 1, 2, ... blocks, each block alone, and all blocks but one.
    """
    if is_exact(n_blocks):
        return numpy.arange(1 << n_blocks)
    whole, chosen = (1 << n_blocks) - 1, set(prefixes(range(n_blocks)))
    for block in range(n_blocks):
        chosen |= {1 << block, whole ^ 1 << block}
    for order in orders(n_blocks, noise_seed, permutations):
        chosen.update(prefixes(order))
    return numpy.array(sorted(chosen))
