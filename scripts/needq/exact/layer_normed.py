"""Families with layer norms in exact arithmetic: GPT-NeoX, Phi, StableLM and OPT."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import Rounded, Split
from needq.exact.layers import Place, by_rows, layer_norm, linear, split_rows
from needq.exact.llama import ExactLlama
from needq.exact.rotary import Frequencies

OFFSET = 2  # the first positions of OPT's table belong to none


class LayerNormed(ExactLlama):
    """Layer norms in place of RMSNorm, and an MLP of two layers."""

    first: ClassVar[str] = "mlp.fc1"
    second: ClassVar[str] = "mlp.fc2"
    head_norm = "layernorm"

    def _normal(self, name: str, rows: Tensor) -> Tensor:
        weight, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return layer_norm(rows, weight, bias, self.epsilon)

    def _hidden(self, block: int, rows: Split, place: Place) -> Tensor:
        hidden = self.activation(self._rows(block, self.first, rows, place))
        return self._rows(block, self.second, split_rows(hidden), place)


class ExactGPTNeoX(LayerNormed):
    """GPT-NeoX: one layer gives the query, the key and the value of one head after the other."""

    layers = "gpt_neox.layers."
    embedding = "gpt_neox.embed_in.weight"
    last_norm = "gpt_neox.final_layer_norm"
    untied_head = "embed_out.weight"
    output = "attention.dense"
    first, second = "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"

    def _projected(self, block: int, rows: Split, place: Place) -> Tensor:
        fused = self._rows(block, "attention.query_key_value", rows, place)
        return fused.unflatten(-1, (self.heads, 3, self.size)).transpose(-2, -3).flatten(-3)


class ExactPhi(LayerNormed):
    """Phi: attention and the MLP read the same norm."""

    parallel = True
    last_norm = "model.final_layernorm"
    output = "self_attn.dense"
    before_mlp = "input_layernorm"


class ExactStableLM(LayerNormed):
    """StableLM: Llama's MLP; each head's query and key may have a norm of its own."""

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(config, tensors, device)
        if self.parallel:
            self.before_mlp = "input_layernorm"

    def _norm_heads(self, block: int, matrix: str, rows: Tensor) -> Tensor:
        if matrix not in self.normed:
            return rows
        heads = rows.unflatten(-1, (-1, self.size))
        name = f"{self.layers}{block}.self_attn.{matrix}_layernorm.norms."
        weight = torch.stack([self.weight(f"{name}{n}.weight") for n in range(heads.shape[-2])])
        return layer_norm(heads, weight, torch.zeros_like(weight), self.epsilon).flatten(-2)

    def _hidden(self, block: int, rows: Split, place: Place) -> Tensor:
        return ExactLlama._hidden(self, block, rows, place)


class ExactOPT(LayerNormed):
    """OPT: learned positions, and an embedding that may be narrower than the blocks."""

    layers = "model.decoder.layers."
    embedding = "model.decoder.embed_tokens.weight"
    positions = "model.decoder.embed_positions.weight"
    last_norm = "model.decoder.final_layer_norm"
    output = "self_attn.out_proj"
    before_attention = "self_attn_layer_norm"
    before_mlp = "final_layer_norm"
    first, second = "fc1", "fc2"

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        self.last_normed = not config["_remove_final_layer_norm"]
        width = config["hidden_size"]
        self.narrow = config.get("word_embed_proj_dim", width) != width
        super().__init__(config, tensors, device)

    def _frequencies(self, config: ModelConfig) -> dict[str, Frequencies]:
        return {}

    def _prepare(self, name: str, weight: Tensor) -> dict[str, Tensor | Rounded]:
        return {name: weight} if name == self.positions else super()._prepare(name, weight)

    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        x = self.weight(self.embedding)[ids]
        if self.narrow:
            x = by_rows(lambda rows, _: self._project("in", rows), x)
        return x + self.weight(self.positions)[positions + OFFSET]

    def _last(self, rows: Tensor) -> Tensor:
        rows = super()._last(rows) if self.last_normed else rows
        return self._project("out", rows) if self.narrow else rows

    def _project(self, direction: str, rows: Tensor) -> Tensor:
        """From the width of the embedding to that of the blocks (in), or back (out)."""
        return linear(split_rows(rows), self.weight(f"model.decoder.project_{direction}.weight"))
