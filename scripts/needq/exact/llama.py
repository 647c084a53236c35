"""Llama (Touvron et al. 2023) in exact arithmetic: RMSNorm, rotary positions, grouped queries."""

from collections.abc import Mapping
from math import sqrt
from typing import Self

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import Integers, Split, divide, quantise, right_bits
from needq.exact.elementary import ANGLE_LIMIT, cos, exp, log, sin
from needq.exact.layers import KeysValues, Place, by_rows, linear, rms_norm, silu, split_rows
from needq.exact.model import ExactModel, UnsupportedModelError, require_settings
from needq.exact.supported import SETTINGS

NORMS = ("layernorm.weight", "model.norm.weight")
EMBEDDING = "model.embed_tokens.weight"
BUFFERS = (".rotary_emb.inv_freq",)  # recomputed here


class ExactLlama(ExactModel):
    """Llama with a language model head, from the tensors of a Hugging Face checkpoint."""

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        require_settings("Llama", config, SETTINGS["LlamaForCausalLM"])
        self.heads, self.key_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.size = config.get("head_dim") or config["hidden_size"] // self.heads
        self.epsilon = config["rms_norm_eps"]
        self.head_name = "lm_head.weight" if "lm_head.weight" in tensors else EMBEDDING
        kept = {name: t for name, t in tensors.items() if not name.endswith(BUFFERS)}
        # Beyond this, an angle would pass the range for which sin and cos are exact.
        context = min(config["max_position_embeddings"], int(ANGLE_LIMIT))
        super().__init__(kept, config["num_hidden_layers"], context, device)
        self.cosine, self.sine = (
            table.to(self.device) for table in rotary_tables(context, self.size, _theta(config))
        )

    @classmethod
    def from_tensors(
        cls,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> Self:
        """The model of a config.json and its tensors, under the names of model.safetensors."""
        return cls(config, tensors, device)

    def output_axis(self, module: str) -> int:
        """The axis of a module's weight, as model.safetensors has it, that its outputs are on."""
        return 0

    def _prepare(self, name: str, weight: Tensor) -> dict[str, Tensor | Integers]:
        """What is kept for a weight; matrices, [out, in], become [in, out] quantised by column."""
        if name.endswith(NORMS):
            return {name: weight}
        matrix = quantise(weight.T, right_bits(weight.shape[1]), 0)
        kept: dict[str, Tensor | Integers] = {}
        if name == self.head_name:  # often the embedding too
            kept["head"] = matrix
        kept[name] = weight if name == EMBEDDING else matrix
        return kept

    def _matrix(self, block: int, name: str, rows: Split, place: Place) -> Tensor:
        return self._linear(f"model.layers.{block}.{name}", rows, place)

    def _norm(self, block: int, name: str, rows: Tensor) -> Split:
        weight = self.weight(f"model.layers.{block}.{name}.weight")
        return split_rows(rms_norm(rows, weight, self.epsilon))

    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self.weight(EMBEDDING)[ids]

    def _projections(self, block: int, x: Tensor, positions: Tensor) -> tuple[Tensor, KeysValues]:
        """The query, divided by the root of the head's size, and the new keys and values."""

        def fused(rows: Tensor, place: Place) -> Tensor:
            normal = self._norm(block, "input_layernorm", rows)
            names = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
            return torch.cat([self._matrix(block, name, normal, place) for name in names], -1)

        heads = by_rows(fused, x).unflatten(-1, (-1, self.size)).transpose(1, 2)
        query, keys, values = heads.split((self.heads, self.key_heads, self.key_heads), 1)
        cosine, sine = self.cosine[positions].unsqueeze(1), self.sine[positions].unsqueeze(1)
        query = divide(rotate(query, cosine, sine), sqrt(self.size))
        return query, self._keys_values(rotate(keys, cosine, sine), values)

    def _output(self, block: int, rows: Tensor, place: Place) -> Tensor:
        return self._matrix(block, "self_attn.o_proj", split_rows(rows), place)

    def _mlp(self, block: int, rows: Tensor, place: Place) -> Tensor:
        normal = self._norm(block, "post_attention_layernorm", rows)
        hidden = silu(self._matrix(block, "mlp.gate_proj", normal, place))
        hidden.mul_(self._matrix(block, "mlp.up_proj", normal, place))
        return self._matrix(block, "mlp.down_proj", split_rows(hidden), place)

    def _head(self, rows: Tensor) -> Tensor:
        normal = rms_norm(rows, self.weight("model.norm.weight"), self.epsilon)
        return linear(split_rows(normal), self.weight("head"))


def _theta(config: ModelConfig) -> float:
    """The base of the rotary frequencies, from a config.json of transformers 4 or 5."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default" or rope.get("partial_rotary_factor", 1.0) != 1.0:
        raise UnsupportedModelError(f"exact Llama has plain rotary positions only, not {rope}")
    return float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)


def rotary_tables(context: int, size: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin [context, size / 2] of position * theta^(-2i / size) (Su et al. 2021)."""
    base = torch.tensor([theta], dtype=torch.float64)
    exponents = divide(torch.arange(0, size, 2, dtype=torch.float64), size)
    frequencies = exp(-exponents * log(base))
    angles = torch.arange(context, dtype=torch.float64)[:, None] * frequencies
    return cos(angles), sin(angles)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions: dimension i of a head is paired with i + size / 2, as transformers does."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)
