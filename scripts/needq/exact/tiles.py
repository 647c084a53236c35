"""Functions of many operations, entry by entry, with temporaries that stay in a CPU's cache.

A function that serves numpy and torch has the same bits from both. An operation starts faster in
numpy than in torch, so that there it takes little longer to compute a few entries at a time.

torch is never imported here: a tensor can only arrive when its caller has imported it.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy

Function = TypeVar("Function", bound=Callable[[Any], Any])

TILE = 1 << 15  # entries; no bit depends on it


def is_tensor(x: Any) -> bool:
    """Whether x is torch's."""
    return type(x).__module__.partition(".")[0] == "torch"


def on_cpu(x: Any) -> bool:
    """Whether x is a tensor on the CPU, where numpy can compute in torch's place."""
    return is_tensor(x) and x.device.type == "cpu"


def in_tiles(function: Function) -> Function:
    """The same function; on a CPU, numpy computes it of tensors, TILE entries at a time."""

    @wraps(function)
    def by_tile(x: Any) -> Any:
        if not on_cpu(x):
            return function(x)
        if x.numel() <= TILE:
            return sys.modules["torch"].from_numpy(numpy.asarray(function(x.numpy())))
        y = x.new_empty(x.shape)
        tiles = (tensor.view(-1).split(TILE) for tensor in (x.contiguous(), y))
        for part, result in zip(*tiles, strict=True):
            result.numpy()[:] = function(part.numpy())
        return y

    return cast("Function", by_tile)
