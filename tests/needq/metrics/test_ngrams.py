"""Repetition and diversity, against values counted by hand and against a naive loop."""

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.metrics.ngrams import distinct, n_grams, seq_rep


def test_by_hand():
    assert seq_rep([1, 2, 3, 4, 5]) == 0
    assert seq_rep([7] * 10) == pytest.approx(1 - 1 / 7)
    assert seq_rep([1, 2, 3, 4, 1, 2, 3, 4]) == pytest.approx(1 - 4 / 5)
    assert distinct([1, 2, 1, 2]) == pytest.approx(2 / 3)
    assert distinct([1, 2, 3]) == 1


@pytest.mark.parametrize(("length", "known"), [(0, False), (3, False), (4, True)])
def test_too_short_is_nan(length, known):
    assert isnan(seq_rep(list(range(length)))) is not known
    assert isnan(distinct([1]))
    assert isnan(distinct([]))
    assert distinct([1, 1]) == 1


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 5))
def test_against_a_naive_loop(tokens, n):
    seen = []
    repeated = 0
    for start in range(len(tokens)):
        gram = tokens[start : start + n]
        if len(gram) == n:
            repeated += gram in seen
            seen.append(gram)
    assert len(n_grams(tokens, n)) == len(seen)
    if seen:
        assert seq_rep(tokens, n) == pytest.approx(repeated / len(seen))
        assert distinct(tokens, n) == pytest.approx(1 - repeated / len(seen))
    else:
        assert isnan(seq_rep(tokens, n))
        assert isnan(distinct(tokens, n))
