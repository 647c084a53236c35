"""The effective number of blocks (or heads) over which damage is spread."""

import numpy

from needq.metrics import statistics
from needq.metrics.holm import At
from needq.metrics.statistics import Estimate


def effective_share(damage: numpy.ndarray) -> At:
    """The effective number of blocks over which damage is spread, as a share of the blocks.

    `damage` (seeds, documents, blocks) is what each block does. The effective number is
    (sum of d)^2 / sum of d^2, where d is the mean damage of a block (the participation ratio; Hill
    1973 of order 2). It is 1 if one block does all the damage, and the number of blocks if all do
    the same damage. Chance makes the sum of squares too large by the variances of the d, so these
    are subtracted. Where all damages are equal, the share is at its maximum and the interval, which
    is made from slopes, is too narrow; but there the share is far from the limit of the test.
    """
    _, variance, _ = statistics.crossed_variance(numpy.moveaxis(damage, 2, 0))
    excess = 0.0 if numpy.isnan(variance).any() else float(variance.sum())
    blocks = damage.shape[2]
    found = statistics.function_variance(
        [damage], lambda mean: mean.sum() ** 2 / max((mean**2).sum() - excess, 1e-12) / blocks
    )

    def at(level: float) -> Estimate:
        share = statistics.interval(*found, level)
        return Estimate(min(float(share.mean), 1.0), share.low, share.high).clipped(0, 1)

    return at
