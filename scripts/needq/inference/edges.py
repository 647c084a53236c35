"""Edges of top_k and top_p: how far each draw is from another set of tokens that may win.

top_k and top_p keep some tokens. A small error of the logits may put the winner of a race out of
them, or let in an outsider that would have won. `exits` say how far the winner is from the edge,
`entries` how far the nearest such outsider is. Both are in nats of logits: where the difference of
two tokens' errors has the standard deviation s, an edge at the distance x is crossed with
probability Phi(-x / s).
"""

from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from needq.exact.elementary import exp

FAR = numpy.inf  # the distance where there is no edge


class Edges(NamedTuple):
    """Distances of each row's draw from the edges of what is kept, in nats; inf without one."""

    exits: numpy.ndarray  # float64 [rows]
    entries: numpy.ndarray  # float64 [rows]


def no_edges(rows: int) -> Edges:
    """The edges where all tokens are kept, or where the most probable token is taken."""
    return Edges(numpy.full(rows, FAR), numpy.full(rows, FAR))


def top_k_edges(
    logits: Tensor,
    kept: Tensor,
    edge: Tensor,
    winners: Tensor,
    finish: Tensor,
    log_exponentials: Tensor,
    temperature: float,
) -> Edges:
    """The edges of top_k: the distance to the best token that it does not keep, and from the last.

    logits [rows, vocabulary]; kept [rows, top_k] and winners [rows] are token ids; edge [rows, 2]
    are the smallest logit that is kept and the largest one that is not; finish [rows] is the
    winner's logit / temperature less its log exponential. The first rows have the
    log_exponentials [keys, vocabulary]; further rows have them again in their order.
    """
    logits, edge = logits.double(), edge.double()
    exits = logits.gather(-1, winners[:, None])[:, 0] - edge[:, 1]
    by_key = logits.unflatten(0, (-1, len(log_exponentials)))
    race = (by_key / temperature - log_exponentials).flatten(0, 1)
    race.scatter_(-1, kept, -torch.inf)
    nearest = torch.where(race <= finish[:, None], -torch.inf, logits).amax(-1)
    return Edges(exits.cpu().numpy(), (edge[:, 0] - nearest).cpu().numpy())


def top_p_edges(
    scaled: numpy.ndarray,
    in_top_p: numpy.ndarray,
    winners: numpy.ndarray,
    would_win: numpy.ndarray,
    temperature: float,
    top_p: float,
) -> Edges:
    """The edges of top_p, which keeps a token if the more probable ones sum up to less than top_p.

    All is about the tokens that top_k keeps: scaled [rows, tokens] are their logits / temperature
    up to a constant, in_top_p and would_win say which ones top_p keeps and which would win the race
    if they were kept; winners [rows] are indices of tokens.

    A token crosses the edge if its logit passes that of the next token, or if the sum S of the more
    probable ones passes top_p. Independent errors of logits with the standard deviation s / sqrt(2)
    move S by (s / sqrt(2)) |dS / dlogits|, where dS / dlogit_j = q_j ((j is more probable) - S) /
    temperature. The nearer of the two counts.
    """
    row = numpy.arange(len(scaled))
    order = numpy.argsort(-scaled, axis=-1, kind="stable")
    q = exp(numpy.take_along_axis(scaled, order, -1))
    q /= q.cumsum(-1)[:, -1:]  # these sums have one order on every machine
    sums, squares = q.cumsum(-1), (q * q).cumsum(-1)
    rest, before, squares = squares[:, -1:] - squares + q * q, sums - q, squares - q * q
    slope = numpy.sqrt(squares * (1 - before) ** 2 + rest * before**2) / temperature
    distance = numpy.full(slope.shape, FAR)
    numpy.divide(numpy.abs(top_p - before) * numpy.sqrt(2), slope, out=distance, where=slope > 0)
    drift = numpy.empty_like(distance)
    numpy.put_along_axis(drift, order, distance, -1)
    last_in = numpy.where(in_top_p, scaled, numpy.inf).min(-1)
    first_out = numpy.where(in_top_p, -numpy.inf, scaled).max(-1)
    exits = numpy.fmin((scaled[row, winners] - first_out) * temperature, drift[row, winners])
    away = numpy.fmin((last_in[:, None] - scaled) * temperature, drift)
    return Edges(exits, numpy.where(would_win & ~in_top_p, away, FAR).min(-1))
