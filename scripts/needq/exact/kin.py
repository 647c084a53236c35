"""Kin of Llama that name, norm or join their layers in another way, in exact arithmetic."""

from collections.abc import Mapping
from math import sqrt

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import Rounded, Split
from needq.exact.layers import Place, split_rows
from needq.exact.llama import ExactLlama


class ExactQwen3(ExactLlama):
    """Qwen 3: norms of each head's query and key."""

    normed = "qk"


class ExactGemma(ExactLlama):
    """Gemma: norms multiply by 1 + weight, embeddings by the root of the width."""

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(config, tensors, device)
        self.embedding_factor = sqrt(config["hidden_size"])

    def _prepare(self, name: str, weight: Tensor) -> dict[str, Tensor | Rounded]:
        return super()._prepare(name, 1.0 + weight if name.endswith("norm.weight") else weight)


class ExactGemma2(ExactGemma):
    """Gemma 2: norms after attention and the MLP too."""

    after_attention = "post_attention_layernorm"
    before_mlp = "pre_feedforward_layernorm"
    after_mlp = "post_feedforward_layernorm"


class ExactGemma3(ExactGemma2):
    """Gemma 3: Gemma 2 with norms of each head's query and key."""

    normed = "qk"


class ExactOlmo2(ExactLlama):
    """OLMo 2: norms after attention and the MLP, none before, and of all queries or keys."""

    normed = "qk"
    before_attention = None
    after_attention = "post_attention_layernorm"
    before_mlp = None
    after_mlp = "post_feedforward_layernorm"


class ExactPhi3(ExactLlama):
    """Phi-3: one layer gives queries, keys and values, and one the two halves of the MLP."""

    def _projected(self, block: int, rows: Split, place: Place) -> Tensor:
        return self._rows(block, "self_attn.qkv_proj", rows, place)

    def _hidden(self, block: int, rows: Split, place: Place) -> Tensor:
        gate, up = self._rows(block, "mlp.gate_up_proj", rows, place).chunk(2, -1)
        hidden = self.activation(gate).mul_(up)
        return self._rows(block, "mlp.down_proj", split_rows(hidden), place)
