"""GPT-2 (Radford et al. 2019) in exact arithmetic, from the tensors of a Hugging Face checkpoint."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from needq.exact.arithmetic import Integers, divide, quantise, right_bits
from needq.exact.layers import KeysValues, by_rows, gelu, layer_norm, linear, split_rows
from needq.exact.model import ExactModel, UnsupportedModelError

# Settings that change the forward pass, with the one value that is computed here.
SETTINGS = {
    "activation_function": "gelu_new",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}
MATRICES = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
BUFFERS = (".attn.bias", ".attn.masked_bias")  # causal masks that old checkpoints carry


class ExactGPT2(ExactModel):
    """GPT-2 with a language model head."""

    @classmethod
    def from_tensors(
        cls,
        config: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> "ExactGPT2":
        """The model of a config.json and its tensors, under the names of model.safetensors."""
        return cls(config, tensors, device)

    def __init__(
        self, config: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device | str
    ) -> None:
        for setting, value in SETTINGS.items():
            if config.get(setting, value) != value:
                raise UnsupportedModelError(
                    f"exact GPT-2 has {setting} = {value} only, not {config[setting]}"
                )
        self.heads = config["n_head"]
        self.epsilon = config["layer_norm_epsilon"]
        # The published GPT-2 files leave this prefix out.
        self.prefix = "transformer." if "transformer.wte.weight" in tensors else ""
        self.head_name = "lm_head.weight" if "lm_head.weight" in tensors else f"{self.prefix}wte.weight"
        tensors = {name: t for name, t in tensors.items() if not name.endswith(BUFFERS)}
        super().__init__(tensors, config["n_layer"], config["n_positions"], device)

    def _prepare(self, name: str, weight: Tensor) -> dict[str, Tensor | Integers]:
        """What is kept for a weight; matrices, [in, out], are quantised column by column."""
        if name.endswith(MATRICES):
            return {name: quantise(weight, right_bits(weight.shape[0]), 0)}
        kept: dict[str, Tensor | Integers] = {name: weight}
        if name == self.head_name:  # [vocabulary, width], often the embedding too
            kept["head"] = quantise(weight.T, right_bits(weight.shape[1]), 0)
        return kept

    def _named(self, block: int, name: str) -> Any:
        return self._weights[f"{self.prefix}h.{block}.{name}"]

    def _linear(self, block: int, name: str, rows: Tensor) -> Tensor:
        weight, bias = (self._named(block, f"{name}.{part}") for part in ("weight", "bias"))
        return linear(split_rows(rows), weight, bias)

    def _norm(self, block: int, name: str, rows: Tensor) -> Tensor:
        weight, bias = (self._named(block, f"{name}.{part}") for part in ("weight", "bias"))
        return layer_norm(rows, weight, bias, self.epsilon)

    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        embedding = self._weights[f"{self.prefix}wte.weight"][ids]
        return embedding + self._weights[f"{self.prefix}wpe.weight"][positions]

    def _projections(
        self, block: int, x: Tensor, positions: Tensor
    ) -> tuple[Tensor, KeysValues]:
        """The query, divided by the root of the head's size, and the new keys and values."""
        fused = by_rows(
            lambda rows: self._linear(block, "attn.c_attn", self._norm(block, "ln_1", rows)), x
        )
        heads = fused.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, keys, values = heads.unbind(0)
        root = float(torch.tensor(query.shape[-1], dtype=torch.float64).sqrt())
        return divide(query, root), self._keys_values(keys, values)

    def _output(self, block: int, rows: Tensor) -> Tensor:
        return self._linear(block, "attn.c_proj", rows)

    def _mlp(self, block: int, rows: Tensor) -> Tensor:
        hidden = self._linear(block, "mlp.c_fc", self._norm(block, "ln_2", rows))
        return self._linear(block, "mlp.c_proj", gelu(hidden))

    def _head(self, rows: Tensor) -> Tensor:
        weight, bias = (self._weights[f"{self.prefix}ln_f.{part}"] for part in ("weight", "bias"))
        normal = layer_norm(rows, weight, bias, self.epsilon)
        return linear(split_rows(normal), self._weights["head"])
