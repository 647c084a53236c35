"""Compiled loops for tensors on a CPU, if numba is installed, and e^x by them.

Without numba, and on a GPU, torch and numpy compute the same bits in more passes.
"""

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy
import torch
from torch import Tensor

from needq.exact import elementary
from needq.exact.elementary import EXP_SERIES, LN2_HIGH, LN2_LOW, LOG2_E

CONSTANTS = (LOG2_E, (LN2_HIGH, LN2_LOW), EXP_SERIES)  # of e^x


@cache
def find_loops() -> Any:
    """The module of compiled loops; None if numba is not installed, or not for this numpy."""
    # numba would import scipy to see whether it has a BLAS, which takes longer than numba itself
    known: Any = sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]
    try:
        from needq.exact import loops  # here, since not every process needs it
    except ImportError:
        return None
    finally:
        if known is None:
            del sys.modules["scipy"]
    return loops


def loops_for(x: Tensor) -> Any:
    """The compiled loops if they can compute with x; else None."""
    return find_loops() if x.device.type == "cpu" else None


def by_entry(loop: Any, tensors: Sequence[Tensor], *numbers: Any) -> Tensor:
    """What a loop makes of the entries of tensors of one shape, and of numbers."""
    y = numpy.empty(tensors[0].shape)
    inputs = (numpy.ascontiguousarray(x.numpy()) for x in tensors)
    loop(*(x.reshape(-1) for x in inputs), *numbers, y.reshape(-1))
    return torch.from_numpy(y)


def by_row(loop: Any, tensors: Sequence[Tensor], width: int, *arguments: Any) -> Tensor:
    """What a loop makes of the rows of tensors [..., entries], and of numbers: [..., width]."""
    y = numpy.empty((*tensors[0].shape[:-1], width))
    inputs = (numpy.ascontiguousarray(x.numpy()) for x in tensors)
    loop(*(x.reshape(-1, x.shape[-1]) for x in inputs), *arguments, y.reshape(-1, width))
    return torch.from_numpy(y)


def exp_bounded(x: Tensor) -> Tensor:
    """e^x with x first brought into [-708, 709]: there the bits of `elementary.exp`."""
    if loops := loops_for(x):
        return by_entry(loops.exp_bounded, [x], *CONSTANTS)
    return elementary.exp_bounded(x)


def gated(x: Tensor, u: Tensor) -> Tensor:
    """x / (1 + e^u), with u first brought into [-708, 709]; both of one shape."""
    if loops := loops_for(x):
        return by_entry(loops.gated, [x, u], *CONSTANTS)
    return x / elementary.exp_bounded(u).add_(1.0)
