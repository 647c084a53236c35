"""e^x of tensors, and the loops for tensors on a CPU, which are compiled if numba is installed.

Without numba, and on a GPU, torch and numpy compute the same bits in more passes.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from needq.exact import elementary
from needq.exact.elementary import EXP_SERIES, LN2_HIGH, LN2_LOW, LOG2_E

CONSTANTS = (LOG2_E, (LN2_HIGH, LN2_LOW), EXP_SERIES)  # of e^x


@cache
def find_loops() -> Any:
    """The module of compiled loops; None if numba is not installed."""
    try:
        from needq.exact import loops  # here, since numba takes a quarter of a second to import
    except ModuleNotFoundError:
        return None
    return loops


def loops_for(x: Tensor) -> Any:
    """The compiled loops if they can compute with x; else None."""
    return find_loops() if x.device.type == "cpu" else None


def exp_bounded(x: Tensor) -> Tensor:
    """e^x with x first brought into [-708, 709]: there the bits of `elementary.exp`."""
    loops = loops_for(x)
    if not loops:
        return elementary.exp_bounded(x)
    x = x.contiguous()
    y = torch.empty_like(x)
    loops.exp_bounded(x.view(-1).numpy(), *CONSTANTS, y.view(-1).numpy())
    return y


def gated(x: Tensor, u: Tensor) -> Tensor:
    """x / (1 + e^u), with u first brought into [-708, 709]; both of one shape."""
    loops = loops_for(x)
    if not loops:
        return x / elementary.exp_bounded(u).add_(1.0)
    x, u = x.contiguous(), u.contiguous()
    y = torch.empty_like(x)
    loops.gated(x.view(-1).numpy(), u.view(-1).numpy(), *CONSTANTS, y.view(-1).numpy())
    return y
