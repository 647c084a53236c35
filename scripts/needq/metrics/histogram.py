"""The table behind the histogram: the weights of each block, and the noise that replaces them."""

from collections.abc import Iterable, Mapping

import numpy
import pandas
from pandas import DataFrame

from needq.backup.layout import Architecture
from needq.common.keys import noise_parts, tensor_name


def histogram_tables(
    architecture: Architecture,
    tensors: Mapping[str, numpy.ndarray],
    noise: Mapping[str, Mapping[str, numpy.ndarray]],
) -> DataFrame:
    """`q_histogram.tsv` of all stored noise; `noise` maps its name to its tensors."""
    parts = []
    for name, drawn in noise.items():
        matrices, _, noise_seed = noise_parts(name)
        blocks, singles = range(architecture.n_blocks), architecture.singles(matrices)
        pristine = {
            n: _together(architecture.matrix(matrix, n).of(tensors) for matrix in singles)
            for n in blocks
        }
        own = {
            n: _together(drawn[tensor_name(n, matrix, "weight")] for matrix in singles)
            for n in blocks
        }
        parts.append(histogram_table(pristine, own, name, noise_seed))
    return pandas.concat(parts)


def _together(parts: Iterable[numpy.ndarray]) -> numpy.ndarray:
    """All entries of some matrices."""
    return numpy.concatenate([part.ravel() for part in parts])


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
