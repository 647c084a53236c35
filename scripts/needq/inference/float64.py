"""float64 throughout: models of transformers ask for float32 by name, whatever their precision.

Llama computes its rotary angles, RMSNorm and the softmax of eager attention in float32. That is a
gain for a model in a 16-bit format, and a loss for one in float64.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from needq.backup.model_classes import PreTrainedModel

CASTS: dict[Callable[..., Any], Callable[..., Any]] = {Tensor.float: Tensor.double}


class Float64(TorchFunctionMode):
    """While it is active, whatever asks torch for float32 gets float64."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = {name: _wider(value) for name, value in (kwargs or {}).items()}
        return CASTS.get(func, func)(*map(_wider, args), **named)


def _wider(value: Any) -> Any:
    """float64 in place of float32, if the value is a format at all."""
    return torch.float64 if value is torch.float32 else value


def compute_in_float64(model: PreTrainedModel) -> None:
    """Make every forward pass of a model with weights in float64 compute in float64.

    All of its casts are in its base model, which every pass calls, but OPT's own: that calls the
    decoder inside. What comes after is a plain product, and a cap.
    """
    base: Any = model.base_model
    part: Any
    for part in base.modules():
        if hasattr(part, "reorder_and_upcast_attn"):  # GPT-2's own detour through float32
            part.reorder_and_upcast_attn = False
    for part in (base, getattr(base, "decoder", None)):
        if part is not None:
            part.forward = _widened(part.forward)


def _widened(forward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(forward)
    def widened(*args: Any, **kwargs: Any) -> Any:
        with Float64():
            return forward(*args, **kwargs)

    return widened
