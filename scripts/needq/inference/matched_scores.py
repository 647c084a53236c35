"""Noise under which attention scores spread as in the pristine model, head by head.

Scores are linear in W_Q, in b_Q and in W_K, if nothing normalises queries and keys. So each block
is run on the residual stream of the pristine model with the matrix, with the noise and with zeros:
noise times c adds to the scores of the zeros c times what the noise itself adds. The c of each head
is the one with which the scores spread as those of the matrix do, where the bias stays. The noise
of the bias is scaled until it adds as much spread as the bias does.

Sums in float64 differ between machines by some 1e-13 of their size, and c is rounded to 9 bits. Two
machines round it to different numbers with a probability of about 1e-10. After that every operation
is rounded correctly, so all machines get the same noise.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from needq.backup.layout import Matrix
from needq.corrupt.methods import scaled_heads
from needq.inference.attention import Scores, Watched, of_queries, queries, scores, spread
from needq.inference.native import NativeStream

BITS = 9  # of a scale: it is exact to 0.2%, far less than noise seeds differ by

Tensors = Mapping[str, np.ndarray]
New = Sequence[tuple[Matrix, np.ndarray]]


@torch.inference_mode()
def matched_noise(
    watched: Watched,
    tensors: Tensors,
    matrix: str,
    noises: Sequence[Tensors],
    ids: Tensor,
    mask: Tensor,
) -> list[dict[str, np.ndarray]]:
    """Each of `noises` (Gaussian, by noise seed), scaled for W_Q or W_K ("q" or "k") of each block.

    The model of `watched` computes in float64; `tensors` are its pristine ones. `ids` and `mask`
    [batch, tokens] are the documents that scores are measured on.
    """
    architecture, chosen = watched.architecture, queries(mask)
    heads, head_axis = architecture.heads_of(matrix), architecture.axes(matrix)[0]
    scaled: list[dict[str, np.ndarray]] = [{} for _ in noises]
    stream = watched.model.begin(ids, mask)
    for block in range(architecture.n_blocks):
        weight, bias = architecture.matrix(matrix, block), architecture.bias(matrix, block)
        seen = partial(_scores, watched, tensors, block, stream)
        empty = (weight, np.zeros_like(weight.of(tensors)))
        without = seen([empty])
        wanted = _per_head(spread(seen([]), chosen)[None], heads)
        for noise, made in zip(noises, scaled, strict=True):
            name = f"{block}.weight"
            added = seen([(weight, noise[name])]).less(without)
            factors = _factors(without, added, wanted, chosen)
            made[name] = scaled_heads(noise[name], factors, head_axis)
        if bias is not None:
            bare = seen([empty, (bias, np.zeros_like(bias.of(tensors)))])
            nothing = bare.less(bare)
            wanted = _per_head(spread(without.less(bare), chosen)[None], heads)
            for noise, made in zip(noises, scaled, strict=True):
                name = f"{block}.bias"
                added = seen([empty, (bias, noise[name])]).less(bare)
                factors = _factors(nothing, added, wanted, chosen)
                made[name] = scaled_heads(noise[name], factors, 0)
        stream, _ = watched.block(block, stream)
    return scaled


def _scores(
    watched: Watched, tensors: Tensors, block: int, stream: NativeStream, new: New
) -> Scores:
    """The scores of one block, where `stream` is what comes to it, with some tensors replaced."""
    with watched.replaced(tensors, new):
        return scores(watched.block(block, stream)[1])


def _per_head(values: np.ndarray, heads: int) -> np.ndarray:
    """Values (queries, query heads) by the heads of the matrix, which query heads may share.

    Returns (queries of all query heads that share one, heads).
    """
    return np.moveaxis(values.reshape(len(values), heads, -1), 1, -1).reshape(-1, heads)


def _factors(base: Scores, added: Scores, wanted: np.ndarray, chosen: Tensor) -> list[float]:
    """By what to multiply what noise adds to scores, so that they spread as `wanted`, per head.

    It is 1 if the noise adds no spread, as a bias of W_K does, and 0 if the scores without it
    spread as far already.
    """
    heads = wanted.shape[1]
    pairs = ((base, base), (base, added), (added, added))
    fixed, joint, own = (
        _per_head(of_queries(one.covariance(other), chosen), heads) for one, other in pairs
    )
    target = wanted.mean(0)

    def spreads(factor: np.ndarray) -> np.ndarray:
        squares = fixed + 2 * factor * joint + factor**2 * own
        return np.sqrt(np.maximum(squares, 0)).mean(0)

    alone = np.sqrt(own).mean(0)  # the spread of what the noise adds
    known = alone > 1e-9 * np.maximum(target, 1)
    # convex, below the target at 0, and above it at the largest factor: one root between them
    low = np.zeros(heads)
    high = np.where(known, (target + np.sqrt(fixed).mean(0)) / np.where(known, alone, 1), 1)
    for _ in range(60):
        middle = (low + high) / 2
        under = spreads(middle) < target
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return [rounded(factor) if real else 1.0 for factor, real in zip(high, known, strict=True)]


def rounded(scale: float) -> float:
    """The nearest number of BITS bits; numbers that are nearly 0 are 0."""
    if scale < 2.0**-BITS:
        return 0.0
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(round(mantissa * 2**BITS), exponent - BITS)
