"""What attention does: how far its scores spread, and which tokens its weights are on.

The attention weights are those that transformers' eager kernels compute in the model's own forward
pass, in every family. Scores are known from them up to a constant per query, as their logarithms,
since the softmax knows them no better. So scores include whatever else a family adds to q.k or
does to it: ALiBi, a cap, norms of queries and keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.utils.rnn import pad_sequence

from needq.backup.layout import Architecture, Matrix
from needq.common.attention import DOCUMENTS, TOKENS
from needq.common.errors import UserError
from needq.inference.native import NativeModel, NativeStream

FIRST_QUERY = 2  # the first to which itself, the token before it and the first one are three keys


class Attention(NamedTuple):
    """What one block's attention does, per head: float64 arrays (heads,), means over queries.

    Queries are those from the third token of each document on. A key is visible if its weight is
    not 0.
    """

    score_spread: np.ndarray  # standard deviation of the scores of the visible keys
    entropy: np.ndarray  # of the weights, as a share of that of equal weights
    self: np.ndarray  # weight on the query's own token
    previous: np.ndarray  # weight on the token before it
    first: np.ndarray  # weight on the first token of the document


class Watched:
    """A native model whose attention weights are seen, one block at a time."""

    def __init__(self, model: NativeModel, architecture: Architecture) -> None:
        self.model, self.architecture = model, architecture

    def block(self, index: int, stream: NativeStream) -> tuple[NativeStream, Tensor]:
        """The stream after a block, and its attention weights [batch, heads, query, key].

        UserError if the family's attention does not give its weights.
        """
        place = self.architecture.matrix("q", index).slices[0].module
        module = self.model.model.get_submodule(place.rpartition(".")[0])
        seen: list[Tensor] = []

        def see(_: Module, inputs: Any, output: Any) -> None:
            parts = output if isinstance(output, tuple) else ()
            seen.extend(part for part in parts if isinstance(part, Tensor) and part.ndim == 4)

        hook = module.register_forward_hook(see)
        try:
            after = self.model.block(index, stream)
        finally:
            hook.remove()
        if not seen:
            raise UserError(f"model: {self.architecture.name} does not give its attention weights")
        return after, seen[-1]

    @contextmanager
    def replaced(
        self, tensors: Mapping[str, np.ndarray], new: Sequence[tuple[Matrix, np.ndarray]]
    ) -> Iterator[None]:
        """The model with whole matrices or biases replaced; all bits are back afterwards.

        `tensors` are the pristine ones, and `new` has the values of each matrix or bias.
        """
        changed: dict[str, np.ndarray] = {}
        for place, values in new:
            tensor = changed.setdefault(place.tensor, tensors[place.tensor].copy())
            for part in place.slices:
                tensor[part.index()] = values[part.within()]
        try:
            for name, tensor in changed.items():
                self.model.replace(name, torch.from_numpy(tensor))
            yield
        finally:
            self.model.restore()


def first_documents(documents: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Those on which attention is measured: ids [batch, tokens], and which of them are real.

    UserError if all are too short.
    """
    chosen = [row[:TOKENS] for row in documents[:DOCUMENTS]]
    if all(len(row) <= FIRST_QUERY for row in chosen):
        raise UserError(
            f"evaluation.text: its first {DOCUMENTS} documents have fewer than {FIRST_QUERY + 1} "
            "tokens each, so attention cannot be measured"
        )
    lengths = torch.tensor([[len(row)] for row in chosen])
    ids = pad_sequence([torch.tensor(row) for row in chosen], batch_first=True)
    return ids, torch.arange(ids.shape[1]) < lengths


def queries(mask: Tensor) -> Tensor:
    """Which queries are measured: [batch, tokens] bool. `mask` is False for padding."""
    return mask & (torch.arange(mask.shape[1], device=mask.device) >= FIRST_QUERY)


class Scores(NamedTuple):
    """Attention scores of each query, less their mean over the keys that it sees.

    The others are 0. Both are [batch, heads, query, key].
    """

    centred: Tensor
    visible: Tensor

    def covariance(self, other: "Scores") -> Tensor:
        """The covariance with other scores of the same keys, over keys: [batch, heads, query]."""
        return (self.centred * other.centred).sum(-1) / self.visible.sum(-1)

    def less(self, other: "Scores") -> "Scores":
        """What is more in these scores than in others of the same keys."""
        return Scores(self.centred - other.centred, self.visible)


def scores(weights: Tensor) -> Scores:
    """The scores from which attention weights [batch, heads, query, key] were made."""
    visible = weights > 0
    logs = torch.where(visible, weights, 1).log()
    means = logs.sum(-1, keepdim=True) / visible.sum(-1, keepdim=True)
    return Scores((logs - means) * visible, visible)


def spread(scores: Scores, chosen: Tensor) -> np.ndarray:
    """The standard deviation of scores over visible keys, per head: (heads,), mean over queries.

    `chosen` is as `queries` gives it.
    """
    return of_queries(scores.covariance(scores).sqrt(), chosen).mean(0)


def measure(weights: Tensor, chosen: Tensor) -> Attention:
    """What attention weights [batch, heads, query, key] say, over the queries `chosen`."""
    entropy = -torch.xlogy(weights, weights).sum(-1) / (weights > 0).sum(-1).log()
    own = weights.diagonal(dim1=-2, dim2=-1)
    before = torch.zeros_like(own)
    before[..., 1:] = weights.diagonal(-1, dim1=-2, dim2=-1)
    parts = [of_queries(part, chosen).mean(0) for part in (entropy, own, before, weights[..., 0])]
    return Attention(spread(scores(weights), chosen), *parts)


def of_queries(values: Tensor, chosen: Tensor) -> np.ndarray:
    """The values [batch, heads, query] of the chosen queries: float64 (queries, heads)."""
    return values.movedim(1, -1)[chosen].double().cpu().numpy()
