"""The factorial of W_Q, W_K and W_V: what each costs, and what they do to each other.

Each matrix is noise or pristine, in the same blocks, under the same noise seeds: eight cells. The
effects are the contrasts of a 2 x 2 x 2 factorial (Box, Hunter and Hunter 2005, Statistics for
Experimenters, chapter 5), in nats per token.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.metrics import statistics
from needq.metrics.estimates import as_columns
from needq.metrics.half_points import cells
from needq.plan.comparisons import MIXTURES

FACTORS = "qkv"


def factorial_table(evaluation: DataFrame, sweeps: Mapping[str, str]) -> DataFrame:
    """`factorial.tsv`: each effect at each number of blocks that all mixtures have.

    `evaluation` has the scores of one backend, and `sweeps` the name of the sweep of each mixture.
    """
    rows = []
    for blocks, rises in mixture_rises(evaluation, sweeps).items():
        for size in range(1, len(FACTORS) + 1):
            for chosen in combinations(FACTORS, size):
                values = effect(rises, "".join(chosen))
                found = statistics.mean_of_crossed(values)
                row: dict[str, object] = {"blocks_replaced": blocks, "effect": name(chosen)}
                row |= as_columns("rise", statistics.Estimate(found.mean, found.low, found.high))
                if size == 2:
                    row |= as_columns("ratio", together(rises, "".join(chosen)))
                rows.append(row | {"noise_seeds": values.shape[0], "documents": values.shape[1]})
    return DataFrame(rows, columns=list(columns.FACTORIAL))


def mixture_rises(
    evaluation: DataFrame, sweeps: Mapping[str, str]
) -> dict[int, dict[str, numpy.ndarray]]:
    """By number of blocks: the paired rise (seeds, documents) of each mixture; "" is all zeros."""
    found: dict[str, dict[int, numpy.ndarray]] = {}
    for mixture in MIXTURES[1:]:
        own = evaluation[evaluation["sweep"] == sweeps[mixture]]
        nll, blocks = cells(own, "nll", "document")
        found[mixture] = {
            int(count): nll[:, :, step] - nll[:, :, 0]
            for step, count in enumerate(blocks)
            if count > 0
        }
    common = sorted(set.intersection(*(set(own) for own in found.values())))
    return {
        blocks: {"": numpy.zeros_like(found["q"][blocks])}
        | {mixture: own[blocks] for mixture, own in found.items()}
        for blocks in common
    }


def effect(rises: Mapping[str, numpy.ndarray], chosen: str) -> numpy.ndarray:
    """The effect of some matrices together, for each cell of `rises`, by their mixture.

    Of one: how much replacing it adds, mean over all states of the others. Of two: how much more
    it adds if the other is replaced too, mean over both states of the third. Of three: how much
    more this interaction is if the third is replaced too.
    """
    total = numpy.zeros_like(rises[""])
    for mixture, rise in rises.items():
        pristine = len(set(chosen) - set(mixture))
        total = total + (-1) ** pristine * rise
    return total / 2 ** (len(FACTORS) - len(chosen))


def name(chosen: tuple[str, ...]) -> str:
    """An effect in words, as "W_Q x W_V"."""
    return " x ".join(f"W_{matrix.upper()}" for matrix in chosen)


def together(rises: Mapping[str, numpy.ndarray], pair: str) -> statistics.Estimate:
    """The damage of two matrices together, divided by the sum of the damages of each alone.

    An estimate that decides no claim: the test that it once was got its rule after its value was
    known (docs/claims.md).
    """
    table = numpy.stack([rises[pair], *(rises[matrix] for matrix in pair)], axis=2)
    return statistics.function_of_means([table], lambda mean: mean[0] / (mean[1] + mean[2]))
