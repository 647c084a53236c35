"""Rises are differences from the pristine model on the same documents."""

import numpy
import pytest
from needq.metrics import statistics
from needq.metrics.rises import mean_rise, sweep_rises
from unit_data import crossed, evaluation, heads

NAMES = [one["intervention"] for one in heads(5, 4)]


@pytest.mark.parametrize("noise", [True, False])
def test_rises_are_differences_from_the_pristine_model_in_any_order(noise):
    rises = crossed(numpy.random.default_rng(0), 3 if noise else 1, 4, 20)
    found = sweep_rises(evaluation("heads", NAMES, rises, noise), "heads")
    assert list(found) == sorted(NAMES)
    for at, name in enumerate(NAMES):
        numpy.testing.assert_allclose(found[name], rises[:, :, at], atol=1e-9)


def test_a_mean_has_the_interval_of_what_is_random():
    rises = crossed(numpy.random.default_rng(0), 3, 4, 1)[:, :, 0]
    assert mean_rise(rises, True) == statistics.mean_of_crossed(rises)
    assert mean_rise(rises[:1], False) == statistics.mean_of_items(rises[0])
    assert numpy.isnan(mean_rise(rises[:1], True).low)
