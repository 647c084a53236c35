"""How repetitive and how varied a text is, counted on its tokens."""

from collections.abc import Sequence
from math import nan


def n_grams(tokens: Sequence[int], n: int) -> list[tuple[int, ...]]:
    """The n-grams of `tokens` in order; none if there are fewer than n tokens."""
    return [tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]


def seq_rep(tokens: Sequence[int], n: int = 4) -> float:
    """The share of repeated n-grams in one continuation: 1 - unique / all.

    Welleck et al. 2020, "Neural text generation with unlikelihood training", section 6
    (seq-rep-n). 0 if nothing repeats; NaN with fewer than n tokens, where there is no n-gram.
    """
    grams = n_grams(tokens, n)
    return 1 - len(set(grams)) / len(grams) if grams else nan


def distinct(tokens: Sequence[int], n: int = 2) -> float:
    """The share of distinct n-grams in one continuation: unique / all.

    After Li et al. 2016, "A diversity-promoting objective function for neural conversation
    models", section 5, who divide by the number of tokens: dividing by the number of n-grams
    makes 1 the value of a text without repetition, whatever its length. NaN with fewer than n
    tokens.
    """
    grams = n_grams(tokens, n)
    return len(set(grams)) / len(grams) if grams else nan
