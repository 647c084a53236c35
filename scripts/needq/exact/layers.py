"""The layers of a transformer in exact arithmetic; all tensors are float64.

Every function works row by row (a row: one token, or one token of one head), so that neither the
batch, nor the length, nor how work is cut into chunks changes a row's bits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from needq.exact.arithmetic import (
    SMALLEST_MAXIMUM,
    Integers,
    Rounded,
    Split,
    divide,
    exact_sum,
    left_bits,
    matmul,
    rounded_to,
    split,
    sum_bits,
)
from needq.exact.compiled import CONSTANTS, by_entry, by_row, exp_bounded, gated, loops_for
from needq.exact.elementary import log, sqrt, tanh
from needq.exact.erf import erf
from needq.exact.tiles import in_tiles

# How much is computed at a time, by the kind of device; no bit depends on it. A CPU is fast while
# temporaries fit its caches. A GPU is busy only with thousands of rows; with these, the widest
# temporaries (2,048 rows of the logits of 50,257 tokens, in two terms) take 1.6 GB.
CHUNK_ROWS = {"cpu": 192, "cuda": 2048}
CHUNK_SCORES = {"cpu": 1 << 17, "cuda": 1 << 24}

MORE_TOKENS = 32  # for which there is room when keys and values outgrow theirs

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
        return by_row(loops.layer_norm, x, width, *factors, epsilon, *limits)
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


def log_softmax(x: Tensor) -> Tensor:
    """Logarithms of the softmax over the last dimension; x [rows, entries] float64.

    The largest term is 1, so a fixed grid serves the sum; its error is at most n^2 / 2^53 for n
    entries, 2e-9 for 4,000.
    """
    step = 2.0 ** -sum_bits(x.shape[-1])
    shifted = x - x.amax(-1, keepdim=True)
    if loops := loops_for(x):
        total = by_row(loops.exp_sum, shifted, 1, *CONSTANTS, step)
    else:
        total = rounded_to(step, exp_bounded(shifted)).sum(-1, keepdim=True)
    return shifted.sub_(log(total))


class Room:
    """Memory for the keys and values of more tokens than there are so far."""

    def __init__(self, parts: Sequence[Tensor], tokens: int) -> None:
        self.used = parts[0].shape[2]
        shapes = [(*part.shape[:2], tokens, part.shape[3]) for part in parts]
        self.parts = [part.new_empty(s) for part, s in zip(parts, shapes, strict=True)]
        self.write(parts, 0)

    def write(self, parts: Sequence[Tensor], start: int) -> None:
        """Write the tokens from `start` on."""
        self.used = start + parts[0].shape[2]
        for whole, part in zip(self.parts, parts, strict=True):
            whole[:, :, start : self.used] = part


class KeysValues(NamedTuple):
    """Keys and values of one block, rounded token by token; [batch, heads, tokens, size]."""

    keys: Rounded
    values: Integers
    room: Room | None = None  # that these are in

    def append(self, new: "KeysValues") -> "KeysValues":
        """These and more tokens. What was there before stays as it is."""
        tokens = self.keys.values.shape[2]
        total = tokens + new.keys.values.shape[2]
        room = self.room
        # others may have gone on from here in the same room
        if room is None or room.used != tokens or total > room.parts[0].shape[2]:
            room = Room(self.parts(), total + MORE_TOKENS)
        room.write(new.parts(), tokens)
        return self._of((part[:, :, :total] for part in room.parts), room)

    def first(self, tokens: int) -> "KeysValues":
        """The first tokens."""
        return self._of(part[:, :, :tokens] for part in self.parts())

    def parts(self) -> list[Tensor]:
        """The tensors, each [batch, heads, tokens, size or 1]."""
        return [self.keys.values, self.values.values, self.values.scale]

    def rows(self, index: Tensor) -> "KeysValues":
        """The batch rows that `index` names."""
        return self._of(part[index] for part in self.parts())

    def _of(self, parts: Iterable[Tensor], room: Room | None = None) -> "KeysValues":
        """Keys and values of the same bits, from their `parts`."""
        keys, values, scale = parts
        return KeysValues(
            Rounded(keys, self.keys.bits), Integers(values, scale, self.values.bits), room
        )


def recent(visible: Tensor, window: int | None) -> Tensor:
    """Of the keys that each query sees, the last `window`; visible [batch, new, tokens] bool."""
    if window is None or visible.shape[-1] <= window:
        return visible
    later = visible.sum(-1, keepdim=True) - visible.cumsum(-1)
    return visible & (later < window)


def attention(
    query: Tensor,
    past: KeysValues,
    visible: Tensor,
    context: int,
    window: int | None = None,
    cap: float | None = None,
) -> Tensor:
    """Causal attention; query [batch, heads, new, size] -> the same shape.

    past: keys and values of all tokens so far, the new ones last; each of its heads serves
    heads / key heads query heads, which are adjacent. visible [batch, new, tokens]: which key
    each query sees. context: the most keys that the model allows, from which the bits follow; the
    present number must not decide, or one more token would change what came before. window: how
    many of the keys that it sees a query takes, the last ones. cap: what scores stay below in size.
    """
    batch, heads, new, _ = query.shape
    key_heads, tokens = past.keys.values.shape[1:3]
    grouped = query.unflatten(1, (key_heads, -1))
    step = max(8, CHUNK_SCORES[query.device.type] // (batch * heads * tokens))
    results = []
    for start in range(0, new, step):
        stop = min(start + step, new)
        seen = tokens - new + stop  # no query of this chunk sees a later key
        results.append(
            _attend(
                grouped[..., start:stop, :],
                past.first(seen),
                recent(visible[:, start:stop, :seen], window)[:, None, None],
                context,
                cap,
            )
        )
    return torch.cat(results, -2).flatten(1, 2)


def _attend(
    query: Tensor, past: KeysValues, visible: Tensor, context: int, cap: float | None
) -> Tensor:
    """Attention of query [batch, key heads, group, new, size] to all keys given."""
    size, (keys, values, _) = query.shape[-1], past
    shape = (*query.shape[:-1], keys.values.shape[-2])
    left = split(query.flatten(2, 3), left_bits(size))
    scores = matmul(left, Rounded(keys.values.mT, keys.bits), size).view(shape)
    if cap is not None:
        scores = capped(scores, cap)

    hidden = ~visible
    scores.masked_fill_(hidden, -torch.inf)
    scores.sub_(scores.amax(-1, keepdim=True))
    weights = exp_bounded(scores).masked_fill_(hidden, 0.0)

    # The weights are at most 1, so a fixed grid serves their sum.
    total = rounded_to(2.0 ** -sum_bits(context), weights).sum(-1, keepdim=True)

    # Each value's power of two moves into its weight, exactly; the rest are integers.
    weights.mul_(values.scale.mT.unsqueeze(2))
    left = split(weights.flatten(2, 3), left_bits(context))
    mixed = matmul(left, Rounded(values.values, values.bits), context)
    return mixed.view(query.shape).div_(total)
