"""Keyed token draws: the same tokens from the same logits on every machine.

A token is drawn by an exponential race: token i finishes at E_i / p_i, with E_i = -log(u_i)
exponential, and the first to finish wins. The uniforms are keyed by meaning (needq.corrupt.keyed),
so a draw depends neither on the batch nor on what was drawn before. Logits that differ a little
between two backends seldom change the winner.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy

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
    logits: numpy.ndarray,
    keys: Sequence[Key],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Draws:
    """One token for each row of logits [rows, vocabulary] and its key.

    Temperature 0 takes the largest logit. top_k (0: no limit) keeps the k largest logits. Then
    top_p (1: no limit) keeps the fewest of the most probable tokens whose probabilities add up to
    at least top_p. Of two equal logits, that of the lower token id counts as the larger one.
    """
    logits = logits.astype(numpy.float64)
    largest = logits.max(-1, keepdims=True)
    if not numpy.isfinite(largest).all():
        raise NonFiniteLogitsError("logits are not finite: no token can be drawn from them")
    if temperature == 0:
        return Draws(logits.argmax(-1), _lead(logits))
    scaled = (logits - largest) / temperature
    vocabulary = logits.shape[1]
    tokens = kept_tokens(scaled, top_k or vocabulary)
    scaled = numpy.take_along_axis(scaled, tokens, -1)
    if top_p < 1:
        scaled = numpy.where(in_nucleus(scaled, top_p), scaled, -numpy.inf)
    uniforms = numpy.stack([uniform(key, vocabulary) for key in keys])
    # The race in logarithms: the smallest E / p is the largest log(p) - log(E).
    score = scaled - log(-log(numpy.take_along_axis(uniforms, tokens, -1)))
    winners = numpy.take_along_axis(tokens, score.argmax(-1)[:, None], -1)[:, 0]
    return Draws(winners, _lead(score))


def _lead(score: numpy.ndarray) -> numpy.ndarray:
    """The best score of each row less the second best."""
    if score.shape[-1] == 1:
        return numpy.full(len(score), numpy.inf)
    second, best = numpy.partition(score, -2, -1)[:, -2:].T
    return best - second


def kept_tokens(logits: numpy.ndarray, top_k: int) -> numpy.ndarray:
    """The top_k tokens of each row [rows, vocabulary], in ascending order; [rows, top_k]."""
    rows, vocabulary = logits.shape
    if top_k >= vocabulary:
        return numpy.broadcast_to(numpy.arange(vocabulary), logits.shape)
    threshold = numpy.partition(logits, vocabulary - top_k, -1)[:, vocabulary - top_k, None]
    above, ties = logits > threshold, logits == threshold
    room = top_k - above.sum(-1, keepdims=True)
    kept = above | (ties & (ties.cumsum(-1) <= room))
    return kept.nonzero()[1].reshape(rows, top_k)


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
