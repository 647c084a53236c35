"""The layers of a transformer in exact arithmetic; all tensors are float64.

Every function works row by row (a row: one token, or one token of one head), so that neither the
batch, nor the length, nor how work is cut into chunks changes a row's bits.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from needq.exact.arithmetic import (
    SMALLEST_MAXIMUM,
    Rounded,
    Split,
    divide,
    exact_sum,
    left_bits,
    matmul,
    split,
    sum_bits,
)
from needq.exact.compiled import CONSTANTS, by_entry, by_row, gated, loops_for
from needq.exact.elementary import sqrt, tanh
from needq.exact.erf import erf
from needq.exact.tiles import in_tiles

# How much is computed at a time, by the kind of device; no bit depends on it. A CPU is fast while
# temporaries fit its caches. A GPU is busy only with thousands of rows; with these, the widest
# temporaries (2,048 rows of the logits of 50,257 tokens, in two terms) take 1.6 GB.
CHUNK_ROWS = {"cpu": 192, "cuda": 2048}

SQRT_HALF = 0.7071067811865476
SQRT_TWO_OVER_PI = 0.7978845608028654
GELU_CUBIC = 0.044715


class Place(NamedTuple):
    """Where in a batch a chunk of rows lies."""

    first: int  # the number of its first row
    rows: int  # how many it has
    tokens: int  # how many rows there are for each row of the batch

    def of(self, batch_rows: range) -> slice:
        """Which rows of the chunk belong to these rows of the batch."""
        start, stop = (
            edge * self.tokens - self.first for edge in (batch_rows.start, batch_rows.stop)
        )
        return slice(min(max(start, 0), self.rows), min(max(stop, 0), self.rows))


def by_rows(function: Callable[[Tensor, Place], Tensor], x: Tensor) -> Tensor:
    """function(rows [n, width], their place) of x [batch, tokens, width], in chunks of like size.

    They have CHUNK_ROWS rows at most.
    """
    rows, tokens = x.flatten(0, -2), x.shape[-2]
    results, first = [], 0
    for chunk in rows.tensor_split(ceil(len(rows) / CHUNK_ROWS[x.device.type])):
        results.append(function(chunk, Place(first, len(chunk), tokens)))
        first += len(chunk)
    whole = torch.cat(results) if len(results) > 1 else results[0]
    return whole.unflatten(0, x.shape[:-1])


def split_rows(x: Tensor) -> Split:
    """Rows as the left operand of products over their whole width."""
    return split(x, left_bits(x.shape[-1]))


def linear(x: Split, weight: Rounded, bias: Tensor | None = None) -> Tensor:
    """x [rows, k] @ weight [k, columns] (+ bias)."""
    return matmul(x, weight, x.parts.shape[-1], 0.0 if bias is None else bias + 0.0)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Layer normalisation over the last dimension (Ba et al. 2016)."""
    width = x.shape[-1]
    if loops := loops_for(x):
        # of heads, if each of them has its own
        factors = (part.reshape(-1, width).contiguous().numpy() for part in (weight, bias))
        limits = sum_bits(width), SMALLEST_MAXIMUM
        return by_row(loops.layer_norm, [x], width, *factors, epsilon, *limits)
    centred = x - divide(exact_sum(x), width)
    variance = divide(exact_sum(centred * centred), width)
    return (centred / sqrt(variance + epsilon)).mul_(weight).add_(bias)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Root mean square normalisation over the last dimension (Zhang and Sennrich 2019)."""
    mean_square = divide(exact_sum(x * x), x.shape[-1])
    return (x / sqrt(mean_square + epsilon)).mul_(weight)


def gelu(x: Tensor) -> Tensor:
    """GELU by its tanh approximation (Hendrycks and Gimpel 2016), transformers' `gelu_new`.

    0.5 x (1 + tanh(u)) is x / (1 + e^-2u), with one exponential and no cancellation.
    """
    factor = -2.0 * SQRT_TWO_OVER_PI
    if loops := loops_for(x):
        return by_entry(loops.gelu, [x], GELU_CUBIC, factor, *CONSTANTS)
    u = x * x
    u *= x
    u *= GELU_CUBIC
    u += x
    u *= factor
    return gated(x, u)


def silu(x: Tensor) -> Tensor:
    """SiLU: x / (1 + e^-x)."""
    return gated(x, -x)


@in_tiles
def erf_gelu(x: Tensor) -> Tensor:
    """GELU itself: x times the normal distribution function, by the error function."""
    return (erf(x * SQRT_HALF) + 1.0) * x * 0.5


def quick_gelu(x: Tensor) -> Tensor:
    """x / (1 + e^(-1.702 x)), another approximation of GELU."""
    return gated(x, x * -1.702)


def relu(x: Tensor) -> Tensor:
    """x where it is above 0, else 0."""
    return x.clamp_min(0.0)


# by transformers' names
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": erf_gelu,
    "gelu_new": gelu,
    "gelu_pytorch_tanh": gelu,
    "quick_gelu": quick_gelu,
    "relu": relu,
    "silu": silu,
    "swish": silu,
}


def capped(x: Tensor, cap: float) -> Tensor:
    """x brought below `cap` in size: cap * tanh(x / cap)."""
    return tanh(divide(x, cap)).mul_(cap)
