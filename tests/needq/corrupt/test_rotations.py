"""Rotations: orthogonal, uniformly distributed, and the same whatever is rotated together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.corrupt.keyed import key
from needq.corrupt.rotations import COLUMNS, _sum_of_rows, rotated
from scipy.stats import kstest, ortho_group


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 9))
def test_a_rotation_is_orthogonal(n, seed):
    turn = rotated(np.eye(n), key("test", seed))
    np.testing.assert_allclose(turn @ turn.T, np.eye(n), atol=1e-13)


def test_what_is_rotated_is_multiplied_by_one_matrix():
    values = np.random.default_rng(0).normal(size=(7, 2 * COLUMNS + 3))
    turn = rotated(np.eye(7), key("test"))
    np.testing.assert_allclose(rotated(values, key("test")), turn @ values, atol=1e-13)
    np.testing.assert_array_equal(
        rotated(values, key("test"))[:, 5:6], rotated(values[:, 5:6], key("test"))
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_rotations_are_uniform(n):
    turns = np.array([rotated(np.eye(n), key("test", seed)) for seed in range(2000)])
    # the moments of traces of the orthogonal group (Diaconis and Shahshahani 1994)
    traces = np.trace(turns, axis1=1, axis2=2)
    assert abs(traces.mean()) < 0.11
    assert traces.var() == pytest.approx(1, abs=0.17)
    assert abs(np.linalg.det(turns).mean()) < 0.11
    if n == 1:
        return
    theirs = np.array(ortho_group(n, seed=1).rvs(2000))
    for place in ((0, 0), (0, n - 1), (n - 1, 0), (n - 1, n - 1)):
        own = turns[:, place[0], place[1]]
        assert kstest(own, theirs[:, place[0], place[1]]).pvalue > 1e-4
        # an entry's square has a beta distribution
        assert kstest(own**2, "beta", args=(0.5, (n - 1) / 2)).pvalue > 1e-4


@given(st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=50))
def test_every_row_is_added_once(numbers):
    assert _sum_of_rows(np.array(numbers, float)) == sum(numbers)
