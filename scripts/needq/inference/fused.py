"""Fewer and faster kernels for a native model: they change its last bits only.

Attention maps, noise, and the ledger of causes keep transformers' own kernels.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import GELU, Identity, Linear, Module
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.pytorch_utils import Conv1D

from needq.inference.native import NativeModel
from needq.inference.stand_ins import tanh_gelus

QUERIES = 32  # as many as torch's kernel for attention on a CPU takes at once, of short texts


def fuse_gelu(model: NativeModel) -> None:
    """Let a model compute the tanh form of GELU in one pass over its values, not in eight.

    In 16 bits one rounding instead of eight would show, so there a model keeps its own way.
    """
    if next(model.model.parameters()).itemsize < 4:
        return
    for module, name, _ in tanh_gelus(model.model):
        setattr(module, name, GELU("tanh"))


def fuse(model: NativeModel) -> None:
    """`fuse_gelu`; and in float32 on a CPU, other products and another attention.

    Products are by oneDNN, with GELU in the same pass. torch leaves them to MKL, which uses AVX-512
    on Intel's processors alone. oneDNN takes half the time on an AMD EPYC.
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
    if model.model.config._attn_implementation == "sdpa":
        AttentionInterface.register("causal", _causal_attention)
        AttentionMaskInterface.register("causal", sdpa_mask)
        model.model.set_attn_implementation("causal")  # but of families with their own


def _by_onednn(module: Any, then: str = "none", form: str = "") -> Callable[[Tensor], Tensor]:
    """The forward pass of a layer of weights, and what is done to each of its outputs."""
    product: Any = torch.ops.mkldnn._linear_pointwise
    transposed = isinstance(module, Conv1D)  # its weight is [in, out]

    def forward(x: Tensor) -> Tensor:
        weight = module.weight.T if transposed else module.weight
        return product(x, weight, module.bias, then, [], form)

    return forward


def _causal_attention(
    module: Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **settings: Any
) -> tuple[Tensor, None]:
    """transformers' own function for attention, without most keys that come after a query.

    torch's kernel on a CPU computes with up to 512 keys that a causal mask leaves out. So some
    queries at a time are shown the keys up to them. Tensors are [batch, heads, tokens, width].
    """
    attention: Any = torch.nn.functional.scaled_dot_product_attention
    tokens = query.shape[2]
    causal = mask is None and key.shape[2] == tokens and getattr(module, "is_causal", True)
    if not causal or tokens <= QUERIES or settings.keys() & {"is_causal", "position_bias"}:
        return sdpa_attention_forward(module, query, key, value, mask, **settings)
    shared = key.shape[1] < query.shape[1]  # by a group of heads
    parts = []
    for own in _slices_of_mask(tokens, query.dtype, query.device):
        stop = own.shape[1]
        start = stop - len(own)
        some = (query[:, :, start:stop], key[:, :, :stop], value[:, :, :stop], own)
        found = attention(*some, scale=settings.get("scaling"), enable_gqa=shared)
        parts.append(found.transpose(1, 2))
    return torch.cat(parts, 1), None


@lru_cache(maxsize=8)
def _slices_of_mask(tokens: int, dtype: torch.dtype, device: torch.device) -> list[Tensor]:
    """What is added to the scores of QUERIES queries at a time: [queries, keys up to the last]."""
    hidden = torch.full((tokens, tokens), float("-inf"), dtype=dtype, device=device).triu(1)
    starts = range(0, tokens, QUERIES)
    return [hidden[start:, : start + QUERIES][:QUERIES].contiguous() for start in starts]
