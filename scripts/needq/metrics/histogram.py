"""The table behind the histogram: the weights of each block, and the noise that replaces them."""

from collections.abc import Mapping

import numpy
import pandas
from pandas import DataFrame


def histogram_table(
    weights: Mapping[int, numpy.ndarray],
    noise: Mapping[int, numpy.ndarray],
    name: str,
    noise_seed: int,
    bins: int = 61,
) -> DataFrame:
    """`q_histogram.tsv` for one stored noise: counts of both per block, in common equal bins."""
    parts = []
    for block in sorted(weights):
        ends = [(values.min(), values.max()) for values in (weights[block], noise[block])]
        edges = numpy.linspace(min(end[0] for end in ends), max(end[1] for end in ends), bins + 1)
        parts.append(
            DataFrame(
                {
                    "stored_noise": name,
                    "noise_seed": noise_seed,
                    "block": block,
                    "bin_low": edges[:-1],
                    "bin_high": edges[1:],
                    "weights": numpy.histogram(weights[block], edges)[0],
                    "noise": numpy.histogram(noise[block], edges)[0],
                }
            )
        )
    return pandas.concat(parts, ignore_index=True)
