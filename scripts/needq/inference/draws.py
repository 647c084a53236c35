"""Keyed token draws: the same tokens from the same logits on every machine.

A token is drawn by an exponential race: token i finishes at E_i / p_i, with E_i = -log(u_i)
exponential, and the first to finish wins. The uniforms are keyed by meaning (needq.corrupt.keyed),
so a draw depends neither on the batch nor on what was drawn before. Logits that differ a little
between two backends seldom change the winner.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from needq.common.errors import UserError
from needq.corrupt.keyed import Key, uniform
from needq.exact.elementary import exp, log, nearest_integer
from needq.inference.edges import Edges, no_edges, top_k_edges, top_p_edges


class NonFiniteLogitsError(UserError):
    """A row of logits from which no token can be drawn."""


class Draws(NamedTuple):
    """One token per row, by how much it won, and how far from it the edges of limits are."""

    tokens: numpy.ndarray  # int64 [rows]
    margins: numpy.ndarray  # float64 [rows]: lead over the second, in nats; inf without a second
    edges: Edges


def draw_tokens(
    logits: Tensor,
    keys: Sequence[Key],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Draws:
    """One token for each row of logits [rows, vocabulary].

    The first rows have the given keys. If there are more rows, the keys come again in their order.
    Temperature 0 takes the largest logit. top_k (0: no limit) keeps the k largest logits. Then
    top_p (1: no limit) keeps the fewest of the most probable tokens whose probabilities add up to
    at least top_p. Of two equal logits, that of the lower token id counts as the larger one.
    """
    rows, vocabulary = logits.shape
    tokens, edge, kept = None, None, logits
    most = 2 if temperature == 0 else top_k
    if 0 < most < vocabulary:  # the other tokens need not leave the device
        tokens, edge = kept_tokens(logits, most)
        kept = logits.gather(-1, tokens)
    values = kept.double().cpu().numpy()
    largest = values.max(-1, keepdims=True)
    if not numpy.isfinite(largest).all():
        raise NonFiniteLogitsError("logits are not finite: no token can be drawn from them")
    if temperature == 0:
        winners = values.argmax(-1)
        return Draws(_ids(winners, tokens), _lead(values), no_edges(rows))
    scaled = (values - largest) / temperature
    uniforms = torch.from_numpy(numpy.stack([uniform(key, vocabulary) for key in keys]))
    drawn = log(-log(uniforms.to(logits.device)))
    # The race in logarithms: the smallest E / p is the largest log(p) - log(E).
    free = scaled - _of_tokens(drawn, tokens, rows)
    nucleus = in_nucleus(scaled, top_p) if top_p < 1 else numpy.ones(scaled.shape, dtype=bool)
    score = numpy.where(nucleus, free, -numpy.inf)
    winners, finish = score.argmax(-1), score.max(-1)
    edges = no_edges(rows)
    if tokens is not None and edge is not None:
        unscaled = torch.from_numpy(finish + largest[:, 0] / temperature)
        edges = top_k_edges(
            logits,
            tokens,
            edge,
            torch.from_numpy(_ids(winners, tokens)).to(logits.device),
            unscaled.to(logits.device),
            drawn,
            temperature,
        )
        # where top_p keeps fewer tokens, top_k does not decide
        edges = Edges(*(numpy.where(nucleus.all(-1), of, numpy.inf) for of in edges))
    if top_p < 1:
        would_win = free > finish[:, None]
        other = top_p_edges(scaled, nucleus, winners, would_win, temperature, top_p)
        edges = Edges(*(numpy.fmin(*both) for both in zip(edges, other, strict=True)))
    return Draws(_ids(winners, tokens), _lead(score), edges)


def _ids(indices: numpy.ndarray, tokens: Tensor | None) -> numpy.ndarray:
    """The ids of one of the `tokens` [rows, kept] of each row; the indices themselves if None."""
    if tokens is None:
        return indices
    return numpy.take_along_axis(tokens.cpu().numpy(), indices[:, None], -1)[:, 0]


def _of_tokens(values: Tensor, tokens: Tensor | None, rows: int) -> numpy.ndarray:
    """Values [keys, vocabulary] of some tokens [rows, kept] of each row; of all tokens if None."""
    keys = torch.arange(rows, device=values.device) % len(values)
    chosen = values[keys] if tokens is None else values[keys[:, None], tokens]
    return chosen.cpu().numpy()


def _lead(score: numpy.ndarray) -> numpy.ndarray:
    """The best score of each row less the second best."""
    if score.shape[-1] == 1:
        return numpy.full(len(score), numpy.inf)
    second, best = numpy.partition(score, -2, -1)[:, -2:].T
    return best - second


def kept_tokens(logits: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """The top_k tokens of each row [rows, vocabulary], in ascending order, and where they end.

    Returns their ids [rows, top_k], and the smallest of their logits and the largest other one
    [rows, 2].
    """
    best = logits.topk(top_k + 1)
    edge = best.values[:, -2:]
    if bool((edge[:, 0] > edge[:, 1]).all()):  # no ties
        return best.indices[:, :-1].sort(-1).values, edge
    above, ties = logits > edge[:, :1], logits == edge[:, :1]
    room = top_k - above.sum(-1, keepdim=True)
    kept = above | (ties & (ties.cumsum(-1) <= room))
    return kept.nonzero()[:, 1].reshape(len(logits), top_k), edge


def in_nucleus(logits: numpy.ndarray, top_p: float) -> numpy.ndarray:
    """Which tokens top_p keeps: those for which the more probable ones sum up to less than top_p.

    `logits` [rows, tokens] are at most 0. The sums are exact, since they are sums of integers.
    """
    order = numpy.argsort(-logits, axis=-1, kind="stable")
    bits = min(50, 53 - (logits.shape[-1] - 1).bit_length())  # the sums stay within 2^53
    weights = nearest_integer(exp(numpy.take_along_axis(logits, order, -1)) * 2.0**bits)
    sums = weights.cumsum(-1)
    kept = numpy.empty(logits.shape, dtype=bool)
    numpy.put_along_axis(kept, order, sums - weights < top_p * sums[:, -1:], -1)
    return kept
