"""Logarithms of a softmax in exact arithmetic, and how far one softmax is from another."""

from typing import NamedTuple

import torch
from torch import Tensor

from needq.exact.arithmetic import SMALLEST_MAXIMUM, exact_sum, rounded_to, sum_bits
from needq.exact.compiled import CONSTANTS, by_row, exp_bounded, loops_for
from needq.exact.elementary import log


class Norm(NamedTuple):
    """What makes logarithms of a softmax of entries [rows, entries]: both are subtracted."""

    largest: Tensor  # [rows, 1], of the entries
    log_total: Tensor  # [rows, 1], of the exponentials of what is left

    def logarithms(self, x: Tensor) -> Tensor:
        """Those of some of the entries [rows, some]."""
        return (x - self.largest).sub_(self.log_total)


def softmax_norm(x: Tensor) -> Norm:
    """The norm of the softmax over the last dimension; x [rows, entries] float64.

    The largest term is 1, so a fixed grid serves the sum; its error is at most n^2 / 2^53 for n
    entries, 2e-9 for 4,000.
    """
    step = 2.0 ** -sum_bits(x.shape[-1])
    if loops := loops_for(x):
        largest, total = by_row(loops.exp_sum, [x], 2, *CONSTANTS, step).split(1, -1)
    else:
        largest = x.amax(-1, keepdim=True)
        total = rounded_to(step, exp_bounded(x - largest)).sum(-1, keepdim=True)
    return Norm(largest, log(total))


def log_softmax(x: Tensor) -> Tensor:
    """Logarithms of the softmax over the last dimension; x [rows, entries] float64."""
    return softmax_norm(x).logarithms(x)


def divergence(log_p: Tensor, p: Tensor, x: Tensor, norm: Norm) -> Tensor:
    """KL (nats) from probabilities p to the softmax of x, which has this norm: [rows].

    All three are [rows, entries].
    """
    if loops := loops_for(x):
        limits = sum_bits(x.shape[-1]), SMALLEST_MAXIMUM
        return by_row(loops.divergence, [log_p, p, x, *norm], 1, *limits)[:, 0]
    return exact_sum(torch.sub(log_p, norm.logarithms(x)).mul_(p))[:, 0]
