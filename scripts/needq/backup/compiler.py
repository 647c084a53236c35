"""torch's compiler, kept out of a process that compiles nothing: its import takes half a second.

transformers tells the compiler about some of its functions, and torch about those that fill a new
weight with random numbers. Both are answered by a stand-in. If more is asked of it, the compiler
itself is imported.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import torch

COMPILER = "torch._dynamo"
IN_MASKS = f"{COMPILER}._trace_wrapped_higher_order_op"  # transformers asks it for one class
TOLD = ("allow_in_graph", "assume_constant_result", "disable")


class _StandIn(ModuleType):
    """A module of the compiler, until more is asked of it than it is told."""

    def __getattr__(self, name: str) -> Any:
        if name in TOLD:
            return _unchanged
        # whoever looks through all modules asks for these, but imports of parts for __path__
        if name.startswith("__") and (self.__name__, name) != (COMPILER, "__path__"):
            raise AttributeError(name)
        _leave()
        return getattr(import_module(self.__name__), name)


def _unchanged(function: Callable[..., Any] | None = None, *_: Any, **settings: Any) -> Any:
    """The function as it is, which is what it does if nothing is compiled."""
    return _unchanged if function is None else function


@contextmanager
def _indices_in_masks() -> Iterator[None]:
    """torch's own context for masks, imported when it is entered."""
    with import_module(IN_MASKS).TransformGetItemToIndex():
        yield


def _leave() -> None:
    """Take the stand-ins away."""
    for name in (COMPILER, IN_MASKS):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]
    if isinstance(vars(torch).get("_dynamo"), _StandIn):
        del vars(torch)["_dynamo"]


@contextmanager
def without_compiler() -> Iterator[None]:
    """Keep the compiler out, unless it is there already, or needed."""
    if COMPILER not in sys.modules:
        made = _StandIn(COMPILER)
        sys.modules[COMPILER] = vars(torch)["_dynamo"] = made
        sys.modules[IN_MASKS] = in_masks = _StandIn(IN_MASKS)
        vars(in_masks)["TransformGetItemToIndex"] = _indices_in_masks
    try:
        yield
    finally:
        _leave()
