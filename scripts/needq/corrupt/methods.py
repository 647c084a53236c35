"""What replaces a matrix: Gaussian noise, its own entries permuted, zeros, or an identity.

numpy alone, and portable: noise comes from integers (needq.corrupt.keyed), moments from exactly
rounded sums, and the arithmetic that joins them rounds each operation by itself, so the digests
are the same on every machine.
"""

import math
from collections.abc import Mapping

import numpy as np

from needq.backup.architectures import Adapter
from needq.corrupt.keyed import key, noise_key, raw, standard_normal


def moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and unbiased standard deviation of all entries, from exactly rounded sums.

    `torch.mean` and `torch.std` of the lecture's notebook, but the same bits on every machine.
    """
    flat = values.astype(np.float64).ravel()
    mean = math.fsum(flat) / flat.size
    deviations = flat - mean
    return mean, math.sqrt(math.fsum(deviations * deviations) / (flat.size - 1))


def gaussian(pristine: np.ndarray, seed: int, matrix: str, block: int) -> np.ndarray:
    """Noise of the shape, mean and unbiased std of a pristine matrix (float32).

    The notebook's `randn_like(q) * std + mean`, with whole-matrix scalars; the moments that the
    noise itself realises are not matched, as they are not there.
    """
    mean, std = moments(pristine)
    normal = standard_normal(noise_key(seed, matrix, block), pristine.shape)
    return (normal * std + mean).astype(np.float32)


def permuted(pristine: np.ndarray, seed: int, matrix: str, block: int) -> np.ndarray:
    """The entries of a pristine matrix in a random order (float32).

    Every moment of the entries is kept, and nothing of where they stood: against `gaussian`, this
    tells whether the tails of the weights matter. Equal keys, which are all but impossible, keep
    the order of their entries, so the permutation is the same on every machine.
    """
    order = np.argsort(raw(key("permutation", seed, matrix, block), pristine.size), kind="stable")
    return pristine.ravel()[order].reshape(pristine.shape).astype(np.float32)


def identity(pristine: np.ndarray, head_axis: int) -> np.ndarray:
    """For each head an identity in place of its projection, as large as the matrix (float32).

    `head_axis` is the axis cut by heads: its index j = head * head_width + i, and i of a head
    meets dimension j of the residual stream (modulo the width, should the heads together be
    wider). So the head's part is a [width, head_width] matrix with one entry a column, on a
    diagonal that starts where the part of the head before ended: the queries of head h are the
    residual stream's own dimensions h * head_width ..., unlearned but not random, and no two
    heads of one width read the same. For W_O, the head writes to these dimensions.

    All entries of the diagonals are sqrt(sum of squares of the matrix / their number), which gives
    the whole the Frobenius norm of the pristine matrix. For inputs of equal variance in every
    direction, as after a layer norm, the mean square of what it computes is then what the pristine
    matrix and `gaussian` give, so that attention is neither sharpened nor flattened by scale.
    """
    width, count = pristine.shape[1 - head_axis], pristine.shape[head_axis]
    squares = pristine.astype(np.float64).ravel() ** 2
    heads, residual = np.arange(count), np.arange(count) % width
    found = np.zeros(pristine.shape, np.float32)
    found[(heads, residual) if head_axis == 0 else (residual, heads)] = math.sqrt(
        math.fsum(squares) / count
    )
    return found


def _made(
    method: str, pristine: np.ndarray, seed: int, matrix: str, block: int, head_axis: int
) -> np.ndarray:
    """What a method puts in place of a matrix or a bias; an identity map has no bias."""
    if method == "gaussian":
        return gaussian(pristine, seed, matrix, block)
    if method == "permuted":
        return permuted(pristine, seed, matrix, block)
    if method == "identity" and pristine.ndim == 2:
        return identity(pristine, head_axis)
    return np.zeros(pristine.shape, np.float32)  # zero: no query at all


def noise_tensors(
    tensors: Mapping[str, np.ndarray], adapter: Adapter, matrix: str, method: str, seed: int
) -> dict[str, np.ndarray]:
    """The noise for one matrix of every block: `N.weight`, and `N.bias` where it has a bias.

    `method` is gaussian, permuted, zero or identity; the last two ignore the seed.
    """
    head_axis, _ = adapter.axes(matrix)
    noise = {}
    for block in range(adapter.blocks):
        whole = adapter.matrix(matrix, block)
        values = tensors[whole.tensor][whole.index()]
        noise[f"{block}.weight"] = _made(method, values, seed, matrix, block, head_axis)
        bias = adapter.bias(matrix, block)
        if bias is not None:
            values = tensors[bias.tensor][bias.index()]
            noise[f"{block}.bias"] = _made(method, values, seed, f"{matrix}.bias", block, head_axis)
    return noise


def replacement(pristine: np.ndarray, noise: np.ndarray, mean: float, dose: float) -> np.ndarray:
    """What a slice becomes (float32): at dose 1 the noise itself.

    A smaller dose d mixes deviations from the matrix's mean m so that the variance stays that of
    the matrix, where the noise has it too: m + sqrt(1 - d) (W - m) + sqrt(d) (N - m).
    """
    if dose == 1:
        return np.ascontiguousarray(noise)
    kept = (pristine.astype(np.float64) - mean) * math.sqrt(1 - dose)
    added = (noise.astype(np.float64) - mean) * math.sqrt(dose)
    return ((kept + added) + mean).astype(np.float32)
