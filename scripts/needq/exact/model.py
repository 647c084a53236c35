"""What the exact models share: weights that can be swapped, the cache, and the forward pass."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from needq.common.errors import UserError
from needq.exact.arithmetic import (
    ExactArithmeticError,
    Rounded,
    Split,
    quantise,
    require_range,
    right_bits,
    rounded,
    to_float64,
)
from needq.exact.attention import KeysValues, attention
from needq.exact.device import check_device
from needq.exact.layers import Place, by_rows, linear


class UnsupportedModelError(UserError):
    """A model or a setting that has no exact counterpart here."""


class ContextError(ExactArithmeticError):
    """More tokens than the model's context, from which the bits were chosen."""


class Cache(NamedTuple):
    """What earlier tokens leave for later ones; `logits` returns a new one, and changes none."""

    blocks: tuple[KeysValues, ...]
    real: Tensor  # [batch, tokens] bool: False for padding


class Stream(NamedTuple):
    """The residual stream between two blocks, of whole rows from their first token."""

    x: Tensor  # [batch, tokens, width]
    positions: Tensor  # [batch, tokens]
    visible: Tensor  # [batch, tokens, tokens] bool
    real: Tensor  # [batch, tokens] bool: False for padding
    kept: tuple[KeysValues, ...] | None  # of the blocks so far; None if they are not kept

    def rows(self, index: Tensor) -> "Stream":
        """The batch rows that `index` names, in its order; a row may come more than once.

        The keys and values of blocks so far stay as they are.
        """
        x, positions, visible, real = (part[index] for part in self[:4])
        return Stream(x, positions, visible, real, self.kept)


class Replacement(NamedTuple):
    """What some rows of a batch have in place of some outputs of a module."""

    rows: range
    outputs: range
    weight: Rounded
    bias: Tensor | None


class ExactModel(ABC):
    """A decoder-only transformer whose logits are the same bits on every machine.

    A subclass gives `_prepare`, `_embed`, `_projections`, `_output`, `_mlp` and
    `_head`, and says with `output_axis` how its matrices are stored.
    """

    exact = True
    cap: float | None = None  # of the scores, if they are capped
    parallel = False  # whether the MLP reads what attention reads

    def __init__(
        self, tensors: Mapping[str, Tensor], n_blocks: int, context: int, device: torch.device | str
    ) -> None:
        check_device(torch.device(device))
        self.device, self.n_blocks, self.context = torch.device(device), n_blocks, context
        self.windows: Sequence[int | None] = [None] * n_blocks  # how many keys a query sees
        self._weights: dict[str, Tensor | Rounded] = {}
        for name, tensor in tensors.items():
            self._weights.update(self._prepare(name, to_float64(tensor, name, self.device)))
        self._original = dict(self._weights)
        self._replacements: dict[str, list[Replacement]] = {}

    @abstractmethod
    def output_axis(self, module: str) -> int:
        """The axis of a module's weight, as model.safetensors has it, that its outputs are on."""

    @abstractmethod
    def _prepare(self, name: str, weight: Tensor) -> Mapping[str, Tensor | Rounded]:
        """What is kept for a weight; a matrix is quantised output by output."""

    @abstractmethod
    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        """The residual stream before the first block."""

    @abstractmethod
    def _projections(self, block: int, x: Tensor, positions: Tensor) -> tuple[Tensor, KeysValues]:
        """The queries of a block [batch, heads, new, size], and its keys and values."""

    @abstractmethod
    def _output(self, block: int, rows: Tensor, place: Place) -> Tensor:
        """What attention adds to the residual stream, from the heads' results."""

    @abstractmethod
    def _mlp(self, block: int, rows: Tensor, place: Place) -> Tensor:
        """What the MLP adds to the residual stream."""

    @abstractmethod
    def _head(self, rows: Tensor) -> Tensor:
        """The logits of rows of the residual stream."""

    def weight(self, name: str) -> Any:
        """A weight as `_prepare` left it."""
        if name not in self._weights:
            raise UnsupportedModelError(f"the model's files hold no tensor named {name}")
        return self._weights[name]

    def bias(self, module: str) -> Any:
        """The bias of a module, None if it has none."""
        return self._weights.get(f"{module}.bias")

    def replace(self, name: str, tensor: Tensor) -> None:
        """Use `tensor` in place of the weight of that name, until `restore`."""
        if name not in self._original:
            raise KeyError(f"the model has no weight named {name}")
        self._weights.update(self._prepare(name, to_float64(tensor, name, self.device)))

    def replace_rows(
        self, module: str, rows: range, outputs: range, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Let some rows of every batch have another weight and bias for some outputs of a module.

        `weight` and `bias` are those of these outputs, in the orientation of model.safetensors.
        This holds until `restore`.
        """
        name = f"{module}.weight"
        prepared = self._prepare(name, to_float64(weight, name, self.device))[name]
        assert isinstance(prepared, Rounded)
        if bias is not None:
            bias = to_float64(bias, f"{module}.bias", self.device)
        kept = Replacement(rows, outputs, prepared, bias)
        self._replacements.setdefault(module, []).append(kept)

    def restore(self) -> None:
        """Undo every `replace` and `replace_rows`."""
        self._weights = dict(self._original)
        self._replacements.clear()

    def _linear(self, module: str, rows: Split, place: Place, bias: Tensor | None = None) -> Tensor:
        """The outputs of a module for a chunk of rows, each with its own replacement."""
        y = linear(rows, self.weight(f"{module}.weight"), bias)
        for part in self._replacements.get(module, ()):
            own = place.of(part.rows)
            if own.start < own.stop:
                replaced = linear(rows.rows(own), part.weight, part.bias)
                y[own, part.outputs.start : part.outputs.stop] = replaced
        return y

    @torch.inference_mode()
    def logits(
        self,
        ids: Tensor,
        cache: Cache | None = None,
        mask: Tensor | None = None,
        last: bool = False,
    ) -> tuple[Tensor, Cache]:
        """Logits of the next token after each of ids (or the `last` alone), and the new cache.

        ids: [batch, new] int64. mask: [batch, new] bool, False for padding, on whichever side;
        all True if None. Positions count the real tokens only, and no real token sees padding.
        Returns float64 [batch, new or 1, vocabulary]; rows of padding hold no meaning.
        """
        torch.set_flush_denormal(False)
        ids = ids.to(self.device)
        new = ids.shape[1]
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.to(self.device)
        if cache is not None:
            real = torch.cat((cache.real, real), 1)
        positions = self._positions(real)[:, -new:]
        visible = self._visible(real, new)

        x = self._embed(ids, positions)
        blocks = []
        for block in range(self.n_blocks):
            past = None if cache is None else cache.blocks[block]
            x, past = self._block(block, x, positions, visible, past)
            blocks.append(past)
        return self._heads(x[:, -1:] if last else x), Cache(tuple(blocks), real)

    @torch.inference_mode()
    def begin(self, ids: Tensor, mask: Tensor, keep: bool = False) -> Stream:
        """The residual stream before the first block; ids and mask as in `logits`.

        `keep` keeps the keys and values of each block, for `cache`.
        """
        torch.set_flush_denormal(False)
        ids, real = ids.to(self.device), mask.to(self.device)
        positions = self._positions(real)
        visible = self._visible(real, ids.shape[1])
        x = self._embed(ids, positions)
        return Stream(x, positions, visible, real, () if keep else None)

    @torch.inference_mode()
    def block(self, index: int, stream: Stream) -> Stream:
        """The residual stream after one more block."""
        x, own = self._block(index, stream.x, stream.positions, stream.visible, None)
        return stream._replace(x=x, kept=None if stream.kept is None else (*stream.kept, own))

    def hidden(self, stream: Stream) -> Tensor:
        """What `head` takes, after the last block: [batch, tokens, width]."""
        return stream.x

    @torch.inference_mode()
    def head(self, hidden: Tensor) -> Tensor:
        """The logits [..., vocabulary] of what `hidden` gave, or of some of its tokens."""
        return self._heads(hidden)

    def bytes_per_token(self) -> int:
        """The memory that the keys and values of one token of one row take."""
        ids = torch.zeros((1, 1), dtype=torch.int64)
        stream = self.block(0, self.begin(ids, torch.ones_like(ids, dtype=torch.bool), keep=True))
        assert stream.kept is not None
        return self.n_blocks * sum(part.nbytes for part in stream.kept[0].parts())

    def _heads(self, hidden: Tensor) -> Tensor:
        return by_rows(lambda rows, _: self._head(rows), hidden)

    def cache(self, stream: Stream, rows: Sequence[Tensor]) -> Cache:
        """The cache after the last block, of the rows of the stream.

        `rows` says for each block which of its rows in the batch they were.
        """
        assert stream.kept is not None
        blocks = (own.rows(index) for own, index in zip(stream.kept, rows, strict=True))
        return Cache(tuple(blocks), stream.real)

    def _block(
        self,
        block: int,
        x: Tensor,
        positions: Tensor,
        visible: Tensor,
        past: KeysValues | None,
    ) -> tuple[Tensor, KeysValues]:
        """The residual stream after a block, and its keys and values of all tokens so far."""
        query, present = self._projections(block, x, positions)
        past = present if past is None else past.append(present)
        mixed = attention(query, past, visible, self.context, self.windows[block], self.cap)
        mixed = mixed.transpose(1, 2).flatten(2)
        before = x.flatten(0, -2)

        def after(rows: Tensor, place: Place) -> Tensor:
            own = before[place.first : place.first + place.rows]
            attended = own + self._output(block, rows, place)
            return attended.add_(self._mlp(block, own if self.parallel else attended, place))

        x = by_rows(after, mixed)
        require_range(x, f"the residual stream after block {block}")
        return x, past

    def _positions(self, real: Tensor) -> Tensor:
        """Which real token of its row each one is, from 0; ContextError if there are too many."""
        counts = real.cumsum(1)
        if int(counts.max()) > self.context:
            raise ContextError(
                f"{int(counts.max())} tokens are more than the model's {self.context}"
            )
        return (counts - 1).clamp_min(0)

    @staticmethod
    def _visible(real: Tensor, new: int) -> Tensor:
        """[batch, new, tokens]: each new token sees the real ones up to itself, and itself."""
        key = torch.arange(real.shape[1], device=real.device)
        query = key[-new:, None]
        return ((key <= query) & real[:, None, :]) | (key == query)

    def _keys_values(self, keys: Tensor, values: Tensor) -> KeysValues:
        """Round keys and values [batch, heads, new, size], one power of two a token and head."""
        bits = right_bits(keys.shape[-1]), right_bits(self.context)
        return KeysValues(rounded(keys, bits[0], -1), quantise(values, bits[1]))
