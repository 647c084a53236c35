"""The table behind the histogram: the weights of each block, and the noise that replaces them."""

from collections.abc import Mapping

import numpy
import pandas
from pandas import DataFrame

from needq.backup.layout import Architecture
from needq.common.keys import noise_parts


def histogram_tables(
    architecture: Architecture,
    tensors: Mapping[str, numpy.ndarray],
    noise: Mapping[str, Mapping[str, numpy.ndarray]],
) -> DataFrame:
    """`q_histogram.tsv` of all stored noise; `noise` maps its name to its tensors."""
    parts = []
    for name, drawn in noise.items():
        matrix, _, noise_seed = noise_parts(name)
        places = {n: architecture.matrix(matrix, n) for n in range(architecture.n_blocks)}
        pristine = {n: place.of(tensors) for n, place in places.items()}
        own = {n: drawn[f"{n}.weight"] for n in places}
        parts.append(histogram_table(pristine, own, name, noise_seed))
    return pandas.concat(parts)


def histogram_table(
    weights: Mapping[int, numpy.ndarray],
    noise: Mapping[int, numpy.ndarray],
    name: str,
    noise_seed: int,
    bins: int = 61,
) -> DataFrame:
    """`q_histogram.tsv` of one stored noise: both counted per block, in the same equal bins."""
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
