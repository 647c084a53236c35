"""Attention in exact arithmetic, and the keys and values that it reads; tensors are float64.

Each query has the same bits whatever the batch, the tokens after it, and how work is cut.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from needq.exact.arithmetic import (
    SMALLEST_LEFT,
    Integers,
    Rounded,
    Split,
    left_bits,
    matmul,
    rounded_to,
    split,
    sum_bits,
)
from needq.exact.compiled import CONSTANTS, exp_bounded, loops_for
from needq.exact.layers import capped

# scores at a time, by the kind of device, as `layers.CHUNK_ROWS`
CHUNK_SCORES = {"cpu": 1 << 17, "cuda": 1 << 24}
MORE_TOKENS = 32  # for which there is room when keys and values outgrow theirs


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
                recent(visible[:, start:stop, :seen], window),
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
    left = split(query.flatten(2, 3), left_bits(size))
    scores = matmul(left, Rounded(keys.values.mT, keys.bits), size)
    if cap is not None:
        scores = capped(scores, cap)
    weights, total = _weights(scores, visible, values.scale.mT, context)
    mixed = matmul(weights, Rounded(values.values, values.bits), context)
    return mixed.div_(total).view(query.shape)


def _weights(scores: Tensor, visible: Tensor, scale: Tensor, context: int) -> tuple[Split, Tensor]:
    """The weights of values, and their totals, by which what they mix is divided.

    scores [batch, key heads, group * new, tokens], visible [batch, new, tokens], and scale
    [batch, key heads, 1, tokens]: each value's power of two moves into its weight, exactly; the
    rest of it are integers. The weights are at most 1 without it, so a fixed grid serves their sum.
    """
    bits, step = left_bits(context), 2.0 ** -sum_bits(context)
    if loops := loops_for(scores):
        parts = numpy.empty((*scores.shape[:2], 2, *scores.shape[2:]))
        total = numpy.empty((*scores.shape[:3], 1))
        inputs = (numpy.ascontiguousarray(x.numpy()) for x in (scores, visible, scale))
        loops.attend(*inputs, *CONSTANTS, step, bits, SMALLEST_LEFT, parts, total)
        return Split(torch.from_numpy(parts), bits), torch.from_numpy(total)
    hidden = ~visible[:, None, None]
    scores = scores.unflatten(2, (-1, visible.shape[1])).masked_fill(hidden, -torch.inf)
    scores.sub_(scores.amax(-1, keepdim=True))
    weights = exp_bounded(scores).masked_fill_(hidden, 0.0).flatten(2, 3)
    totals = rounded_to(step, weights).sum(-1, keepdim=True)
    return split(weights.mul_(scale), bits), totals
