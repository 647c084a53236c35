"""GPT-2 (Radford et al. 2019) in exact arithmetic."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import Rounded, divide, right_bits, rounded
from needq.exact.attention import KeysValues
from needq.exact.layers import (
    ACTIVATIONS,
    Place,
    by_rows,
    layer_norm,
    linear,
    split_rows,
)
from needq.exact.model import ExactModel

MATRICES = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
BUFFERS = (".attn.bias", ".attn.masked_bias")  # causal masks that old checkpoints carry


class ExactGPT2(ExactModel):
    """GPT-2 with a language model head, from the tensors of a Hugging Face checkpoint."""

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        self.activation = ACTIVATIONS[config.get("activation_function", "gelu_new")]
        self.scaled = config.get("scale_attn_weights", True)
        self.scaled_by_block = config.get("scale_attn_by_inverse_layer_idx", False)
        self.heads, self.epsilon = config["n_head"], config["layer_norm_epsilon"]
        # The published GPT-2 files leave this prefix out.
        self.prefix = "transformer." if "transformer.wte.weight" in tensors else ""
        embedding = f"{self.prefix}wte.weight"
        self.head_name = "lm_head.weight" if "lm_head.weight" in tensors else embedding
        kept = {name: t for name, t in tensors.items() if not name.endswith(BUFFERS)}
        super().__init__(kept, config["n_layer"], config["n_positions"], device)

    def output_axis(self, module: str) -> int:
        """The axis of a module's weight, as model.safetensors has it, that its outputs are on."""
        return 1

    def _prepare(self, name: str, weight: Tensor) -> dict[str, Tensor | Rounded]:
        """What is kept for a weight; matrices, [in, out], are quantised column by column."""
        if name.endswith(MATRICES):
            return {name: rounded(weight, right_bits(weight.shape[0]), 0)}
        kept: dict[str, Tensor | Rounded] = {name: weight}
        if name == self.head_name:  # [vocabulary, width], often the embedding too
            kept["head"] = rounded(weight.T, right_bits(weight.shape[1]), 0)
        return kept

    def _pair(self, name: str) -> tuple[Any, Any]:
        """The weight and the bias of a layer."""
        return self.weight(f"{self.prefix}{name}.weight"), self.weight(f"{self.prefix}{name}.bias")

    def _affine(self, block: int, name: str, rows: Tensor, place: Place) -> Tensor:
        module = f"{self.prefix}h.{block}.{name}"
        return self._linear(module, split_rows(rows), place, self.weight(f"{module}.bias"))

    def _norm(self, block: int, name: str, rows: Tensor) -> Tensor:
        return layer_norm(rows, *self._pair(f"h.{block}.{name}"), self.epsilon)

    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        embedding = self.weight(f"{self.prefix}wte.weight")[ids]
        return embedding + self.weight(f"{self.prefix}wpe.weight")[positions]

    def _projections(self, block: int, x: Tensor, positions: Tensor) -> tuple[Tensor, KeysValues]:
        """The query, divided as its scores are to be, and the new keys and values."""

        def fused(rows: Tensor, place: Place) -> Tensor:
            return self._affine(block, "attn.c_attn", self._norm(block, "ln_1", rows), place)

        heads = by_rows(fused, x).unflatten(-1, (3, self.heads, -1))
        query, keys, values = heads.permute(2, 0, 3, 1, 4)
        divisor = sqrt(query.shape[-1]) if self.scaled else 1.0
        if self.scaled_by_block:
            divisor *= block + 1
        return divide(query, divisor), self._keys_values(keys, values)

    def _output(self, block: int, rows: Tensor, place: Place) -> Tensor:
        return self._affine(block, "attn.c_proj", rows, place)

    def _mlp(self, block: int, rows: Tensor, place: Place) -> Tensor:
        hidden = self._affine(block, "mlp.c_fc", self._norm(block, "ln_2", rows), place)
        return self._affine(block, "mlp.c_proj", self.activation(hidden), place)

    def _head(self, rows: Tensor) -> Tensor:
        normal = layer_norm(rows, *self._pair("ln_f"), self.epsilon)
        return linear(split_rows(normal), self.weight("head"))
