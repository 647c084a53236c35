"""Keyed token draws: the same tokens from the same logits on every machine.

A token is drawn by an exponential race: token i finishes at E_i / p_i, with E_i = -log(u_i)
exponential, and the first to finish wins. The uniforms are keyed by meaning (needq.corrupt.keyed),
so a draw depends neither on the batch nor on what was drawn before. Logits that differ a little
between two backends seldom change the winner.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
from torch import Tensor

from needq.common.errors import UserError
from needq.corrupt.keyed import Key, uniform
from needq.exact.elementary import exp, log, nearest_integer


class NonFiniteLogitsError(UserError):
    """A row of logits from which no token can be drawn."""


class Draws(NamedTuple):
    """One token per row, and by how much it won."""

    tokens: numpy.ndarray  # int64 [rows]
    margins: numpy.ndarray  # float64 [rows]: lead over the second, in nats; inf without a second


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
    vocabulary = logits.shape[1]
    tokens, kept = None, logits
    if temperature == 0 and vocabulary > 2:
        tokens = kept_tokens(logits, 2)
    elif 0 < top_k < vocabulary:
        tokens = kept_tokens(logits, top_k)
    if tokens is not None:  # the others need not leave the device
        kept = logits.gather(-1, tokens)
    scaled = kept.double().cpu().numpy()
    largest = scaled.max(-1, keepdims=True)
    if not numpy.isfinite(largest).all():
        raise NonFiniteLogitsError("logits are not finite: no token can be drawn from them")
    if temperature == 0:
        score = scaled
    else:
        scaled = (scaled - largest) / temperature
        if top_p < 1:
            scaled = numpy.where(in_nucleus(scaled, top_p), scaled, -numpy.inf)
        # The race in logarithms: the smallest E / p is the largest log(p) - log(E).
        score = scaled - log(-log(_uniforms(keys, vocabulary, tokens, len(logits))))
    winners = score.argmax(-1)
    if tokens is not None:
        winners = numpy.take_along_axis(tokens.cpu().numpy(), winners[:, None], -1)[:, 0]
    return Draws(winners, _lead(score))


def _uniforms(
    keys: Sequence[Key], vocabulary: int, tokens: Tensor | None, rows: int
) -> numpy.ndarray:
    """The uniforms of some tokens [rows, kept] of each row; of all tokens if None."""
    uniforms = numpy.stack([uniform(key, vocabulary) for key in keys])
    repeated = numpy.arange(rows) % len(keys)
    if tokens is None:
        return uniforms[repeated]
    return uniforms[repeated[:, None], tokens.cpu().numpy()]


def _lead(score: numpy.ndarray) -> numpy.ndarray:
    """The best score of each row less the second best."""
    if score.shape[-1] == 1:
        return numpy.full(len(score), numpy.inf)
    second, best = numpy.partition(score, -2, -1)[:, -2:].T
    return best - second


def kept_tokens(logits: Tensor, top_k: int) -> Tensor:
    """The top_k tokens of each row [rows, vocabulary], in ascending order; [rows, top_k]."""
    best = logits.topk(top_k)
    threshold = best.values[:, -1:]
    if int((logits >= threshold).sum()) == best.indices.numel():  # no ties
        return best.indices.sort(-1).values
    above, ties = logits > threshold, logits == threshold
    room = top_k - above.sum(-1, keepdim=True)
    kept = above | (ties & (ties.cumsum(-1) <= room))
    return kept.nonzero()[:, 1].reshape(len(logits), top_k)


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
