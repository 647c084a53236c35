"""The effective number of blocks: by hand, by a jackknife, and how often its interval holds it."""

import numpy as np
import pytest
from claim_data import documents
from needq.metrics import statistics
from needq.metrics.participation import effective_share


def test_chance_does_not_count_as_unevenness():
    single = documents(np.random.default_rng(0), [0.3, 0.2, 0.1], spread=1.0)
    rises = single[:, :, 1:] - single[:, :, :1]
    damage = rises.mean((0, 1))
    chance = sum(statistics.crossed_variance(rises[:, :, block])[1] for block in range(3))
    expected = damage.sum() ** 2 / ((damage**2).sum() - chance) / 3
    found = effective_share(rises)(0.95)
    assert found.mean == pytest.approx(min(expected, 1))
    assert expected > 1.05 * damage.sum() ** 2 / (damage**2).sum() / 3


@pytest.mark.parametrize("damage", [[2, 0.5] + [0.1] * 10, [0.6] * 6 + [0.02] * 6])
def test_the_effective_number_of_blocks_is_covered(damage):
    rng = np.random.default_rng(4)
    damage = np.array(damage)
    truth = damage.sum() ** 2 / (damage**2).sum() / 12
    covered = 0
    for _ in range(300):
        # log-normal factors of mean 1
        by_seed = np.exp(0.3 * rng.normal(size=(5, 1, 12)) - 0.045)
        rise = damage * by_seed * np.exp(0.3 * rng.normal(size=(1, 29, 1)) - 0.045)
        rise = rise + 0.1 * rng.normal(size=(5, 29, 12))
        found = effective_share(rise)(0.95)
        covered += found.low <= truth <= found.high
    assert 0.91 <= covered / 300 <= 0.995


def jackknifed(damage):
    """The effective share, and its variance by leaving out each seed and each document in turn.

    With two crossed factors, the variances by each are added, and the residual's is in both.
    """

    def share(table):
        mean = table.mean((0, 1))
        return mean.sum() ** 2 / (mean**2).sum() / len(mean)

    variance = 0.0
    for axis in (0, 1):
        left = np.array([share(np.delete(damage, i, axis)) for i in range(damage.shape[axis])])
        variance += (len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum()
    return share(damage), variance


def test_the_interval_is_as_wide_as_a_jackknife_says():
    rng = np.random.default_rng(1)
    damage = np.array([1, 2, 3, 0.5]) * np.exp(0.2 * rng.normal(size=(20, 1, 4)))
    damage = damage * np.exp(0.2 * rng.normal(size=(1, 60, 1))) + 0.05 * rng.normal(
        size=(20, 60, 4)
    )
    share, variance = jackknifed(damage)
    found = effective_share(damage)(0.95)
    assert found.mean == pytest.approx(share, rel=0.02)
    half = 1.96 * variance**0.5
    assert found.high - found.mean == pytest.approx(half, rel=0.15)
    assert found.mean - found.low == pytest.approx(half, rel=0.15)
