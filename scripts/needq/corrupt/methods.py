"""What replaces a matrix: noise, its own entries moved or rotated, an identity, or zeros.

This needs numpy alone, and its digests are the same on every machine: noise comes from integers
(needq.corrupt.keyed), moments from exactly rounded sums, and each operation that joins them is
rounded by itself.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from needq.backup.layout import Architecture
from needq.backup.replaceable import check_method
from needq.common.keys import SCALED, tensor_name
from needq.corrupt.keyed import key, noise_key, raw, standard_normal
from needq.corrupt.rotations import rotated


def moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and unbiased standard deviation of all entries, from exactly rounded sums.

    They are `torch.mean` and `torch.std` of the lecture's notebook, but with the same bits on every
    machine.
    """
    flat = values.astype(np.float64).ravel()
    mean = math.fsum(flat) / flat.size
    deviations = flat - mean
    return mean, math.sqrt(math.fsum(deviations * deviations) / (flat.size - 1))


def gaussian(pristine: np.ndarray, seed: int, matrix: str, block: int) -> np.ndarray:
    """Noise of the shape, mean and unbiased std of a pristine matrix (float32).

    It is the notebook's `randn_like(q) * std + mean`, with the moments of the whole matrix. As in
    the notebook, the noise that is drawn is not adjusted to have exactly these moments.
    """
    mean, std = moments(pristine)
    normal = standard_normal(noise_key(seed, matrix, block), pristine.shape)
    return (normal * std + mean).astype(np.float32)


def permuted(pristine: np.ndarray, seed: int, matrix: str, block: int) -> np.ndarray:
    """The entries of a pristine matrix in a random order (float32).

    All moments of the entries stay the same, and their places are lost. Compared with `gaussian`,
    this shows whether the tails of the weights matter. Entries with equal keys, which are all but
    impossible, keep their order, so the permutation is the same on every machine.
    """
    order = np.argsort(raw(key("permutation", seed, matrix, block), pristine.size), kind="stable")
    return pristine.ravel()[order].reshape(pristine.shape).astype(np.float32)


def identity(pristine: np.ndarray, head_axis: int) -> np.ndarray:
    """For each head an identity in place of its projection, as large as the matrix (float32).

    `head_axis` is the axis that is cut by heads. Its index j = head * head_width + i meets
    dimension j of the residual stream (modulo the width, if the heads together are wider). So the
    part of a head is a [width, head_width] matrix with one entry per column, on a diagonal that
    begins where the diagonal of the head before it ended. The queries of head h are the dimensions
    of the residual stream from h * head_width on: they are not learned, but not random either, and
    heads within one width read different dimensions. For W_O, the head writes to these dimensions.

    All entries of the diagonals are sqrt(sum of squares of the matrix / their number), which gives
    the whole the Frobenius norm of the pristine matrix. For inputs with the same variance in every
    direction, as after a layer norm, the mean square of the output is then that of the pristine
    matrix and of `gaussian`. So its scale makes attention neither sharper nor flatter.
    """
    width, count = pristine.shape[1 - head_axis], pristine.shape[head_axis]
    squares = pristine.astype(np.float64).ravel() ** 2
    heads, residual = np.arange(count), np.arange(count) % width
    values = np.zeros(pristine.shape, np.float32)
    values[(heads, residual) if head_axis == 0 else (residual, heads)] = math.sqrt(
        math.fsum(squares) / count
    )
    return values


def rotated_heads(
    pristine: np.ndarray, seed: int, matrix: str, block: int, head_axis: int, heads: int
) -> np.ndarray:
    """The matrix, with the output of each head rotated by a random rotation of its own (float32).

    The query of a head becomes R q, whatever its input, where R is orthogonal. So all singular
    values of the matrix stay, and so does all that the matrix takes from the residual stream. What
    is lost is which key a query meets. A bias (of one axis) is rotated by the same rotations, so
    that with it R q holds for the whole query.
    """
    parts = np.split(np.moveaxis(pristine, head_axis, 0), heads)
    meaning = ("rotation of a head", seed, matrix.removesuffix(".bias"), block)
    turned = [
        rotated(part.reshape(len(part), -1), key(*meaning, head)).reshape(part.shape)
        for head, part in enumerate(parts)
    ]
    return np.ascontiguousarray(np.moveaxis(np.concatenate(turned), 0, head_axis), np.float32)


def rotated_inputs(
    pristine: np.ndarray, seed: int, matrix: str, block: int, head_axis: int
) -> np.ndarray:
    """The matrix, with the residual stream rotated by a random rotation before it (float32).

    All singular values stay, and so does where the queries of a head can point. What is lost is
    which directions of the residual stream the matrix reads. A bias reads nothing of the stream; it
    is rotated as a whole, which keeps its norm.
    """
    inputs = 0 if pristine.ndim == 1 else 1 - head_axis
    moved = np.moveaxis(pristine, inputs, 0)
    meaning = ("rotation of the inputs", seed, matrix, block)
    turned = rotated(moved.reshape(len(moved), -1), key(*meaning)).reshape(moved.shape)
    return np.ascontiguousarray(np.moveaxis(turned, 0, inputs), np.float32)


def rolled_heads(pristine: np.ndarray, head_axis: int, heads: int) -> np.ndarray:
    """The matrix whose head h has the part of head h + 1, and the last head that of the first."""
    width = pristine.shape[head_axis] // heads
    return np.ascontiguousarray(np.roll(pristine, -width, head_axis), np.float32)


def scaled(pristine: np.ndarray, percent: int) -> np.ndarray:
    """So many percent of a matrix (float32)."""
    return (pristine.astype(np.float64) * percent / 100).astype(np.float32)


def scaled_heads(noise: np.ndarray, scales: Sequence[float], head_axis: int) -> np.ndarray:
    """Noise whose part for each head is multiplied by a number of its own (float32)."""
    width = noise.shape[head_axis] // len(scales)
    factors = np.repeat(np.asarray(scales, np.float64), width)
    shape = [-1 if axis == head_axis else 1 for axis in range(noise.ndim)]
    return (noise.astype(np.float64) * factors.reshape(shape)).astype(np.float32)


def _made(
    method: str,
    pristine: np.ndarray,
    seed: int,
    matrix: str,
    block: int,
    head_axis: int,
    heads: int,
) -> np.ndarray:
    """What a method puts in place of a matrix or a bias; an identity has a bias of zeros."""
    if method == "gaussian":
        return gaussian(pristine, seed, matrix, block)
    if method == "permuted":
        return permuted(pristine, seed, matrix, block)
    if method == "rotated_heads":
        return rotated_heads(pristine, seed, matrix, block, head_axis, heads)
    if method == "rotated_inputs":
        return rotated_inputs(pristine, seed, matrix, block, head_axis)
    if method == "rolled_heads":
        return rolled_heads(pristine, head_axis, heads)
    if method.startswith(f"{SCALED}_"):
        return scaled(pristine, int(method.removeprefix(f"{SCALED}_")))
    if method == "identity" and pristine.ndim == 2:
        return identity(pristine, head_axis)
    return np.zeros(pristine.shape, np.float32)  # zero: no query at all


def noise_tensors(
    tensors: Mapping[str, np.ndarray],
    architecture: Architecture,
    matrix: str,
    method: str,
    seed: int,
) -> dict[str, np.ndarray]:
    """The noise for one matrix of every block, and for its bias if it has one, by `tensor_name`.

    `method` is any but matched_scores and matched_outputs, whose noise is measured
    (`inference.matched_scores`, `matched_outputs`); `scaled_50` is half of the matrix.
    Those of keys.WITHOUT_NOISE ignore the seed. The bias of W_O belongs to no head: it is rotated
    as a whole, and not rolled. The matrices of the MLP have noise of their own each, with moments
    of their own. UserError if a method needs more heads than there are.
    """
    heads = architecture.heads_of(matrix)
    check_method(architecture, matrix, method)
    noise = {}
    for block in range(architecture.n_blocks):
        for one in architecture.singles(matrix):
            values = architecture.matrix(one, block).of(tensors)
            made = _made(method, values, seed, one, block, architecture.axes(one)[0], heads)
            noise[tensor_name(block, one, "weight")] = made
            bias = architecture.bias(one, block)
            if bias is not None:
                values, parts = bias.of(tensors), 1 if one == "o" else heads
                made = _made(method, values, seed, f"{one}.bias", block, 0, parts)
                noise[tensor_name(block, one, "bias")] = made
    return noise


def replacement(
    pristine: np.ndarray, noise: np.ndarray, mean: float, noise_fraction: float
) -> np.ndarray:
    """The new values of a slice (float32); with noise fraction 1 they are the noise itself.

    A smaller fraction d mixes the deviations of matrix and noise from the matrix's mean m. If the
    noise has the variance of the matrix, so has the mixture: m + sqrt(1 - d) (W - m) +
    sqrt(d) (N - m).
    """
    if noise_fraction == 1:
        return np.ascontiguousarray(noise)
    kept = (pristine.astype(np.float64) - mean) * math.sqrt(1 - noise_fraction)
    added = (noise.astype(np.float64) - mean) * math.sqrt(noise_fraction)
    return ((kept + added) + mean).astype(np.float32)
