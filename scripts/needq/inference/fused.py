"""Fewer and faster kernels for a native model: they change its last bits only.

Attention maps, noise, and the ledger of causes keep transformers' own kernels.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import GELU, Identity, Linear
from transformers.activations import NewGELUActivation
from transformers.pytorch_utils import Conv1D

from needq.inference.native import NativeModel


def fuse_gelu(model: NativeModel) -> None:
    """Let a model compute the tanh form of GELU in one pass over its values, not in eight.

    In 16 bits one rounding instead of eight would show, so there a model keeps its own way.
    """
    if next(model.model.parameters()).itemsize < 4:
        return
    for module in list(model.model.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, GELU("tanh"))


def fuse(model: NativeModel) -> None:
    """`fuse_gelu`; and in float32 on a CPU, products by oneDNN, with GELU in the same pass.

    torch leaves these products to MKL, which uses AVX-512 on Intel's processors alone. oneDNN takes
    half the time on an AMD EPYC.
    """
    fuse_gelu(model)
    parameter = next(model.model.parameters())
    fits = parameter.dtype == torch.float32 and parameter.device.type == "cpu"
    if not (fits and torch.backends.mkldnn.is_available()):
        return
    for module in model.model.modules():
        if type(module) in (Conv1D, Linear):
            vars(module)["forward"] = _by_onednn(module)
    for module in list(model.model.modules()):  # MLPs of GPT-2 and GPT-Neo
        first, act = (getattr(module, name, None) for name in ("c_fc", "act"))
        if isinstance(first, Conv1D | Linear) and isinstance(act, GELU):
            vars(first)["forward"] = _by_onednn(first, "gelu", "tanh")
            module.act = Identity()


def _by_onednn(module: Any, then: str = "none", form: str = "") -> Callable[[Tensor], Tensor]:
    """The forward pass of a layer of weights, and what is done to each of its outputs."""
    product: Any = torch.ops.mkldnn._linear_pointwise
    transposed = isinstance(module, Conv1D)  # its weight is [in, out]

    def forward(x: Tensor) -> Tensor:
        weight = module.weight.T if transposed else module.weight
        return product(x, weight, module.bias, then, [], form)

    return forward
