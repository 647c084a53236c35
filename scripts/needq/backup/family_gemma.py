"""Gemma (text alone): Llama's projections, more norms, windows, and caps of large scores."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from needq.backup.family_llama import Llama, Qwen3
from needq.backup.keys import (
    ROPE_KEYS,
    Activation,
    DecoderKeys,
    Flag,
    LayerType,
    Positive,
    Rope,
    Size,
    rope_of,
)
from needq.common.files import ModelConfig


class GemmaKeys(DecoderKeys):
    """What GemmaForCausalLM computes with."""

    shared = 16
    head_dim: Size | None = 256
    hidden_act: Activation = "gelu_pytorch_tanh"
    rms_norm_eps: Positive = 1e-6
    attention_bias: Flag = False
    tie_word_embeddings: Flag = True
    rope_parameters: Rope


class _WindowKeys(DecoderKeys):
    """What Gemma 2 and 3 compute with."""

    nullable = frozenset({"final_logit_softcapping", "attn_logit_softcapping"})
    shared = 4
    head_dim: Size | None = 256
    hidden_activation: Activation = "gelu_pytorch_tanh"
    rms_norm_eps: Positive = 1e-6
    attention_bias: Flag = False
    query_pre_attn_scalar: Size = 256  # scores are divided by its root
    sliding_window: Size = 4096
    layer_types: list[LayerType] | None = None
    final_logit_softcapping: Positive | None = None
    attn_logit_softcapping: Positive | None = None
    tie_word_embeddings: Flag = True


class Gemma2Keys(_WindowKeys):
    """What Gemma2ForCausalLM computes with: every other block sees a window."""

    final_logit_softcapping: Positive | None = 30.0
    attn_logit_softcapping: Positive | None = 50.0
    rope_parameters: Rope


class Gemma2(Llama):
    """Norms before and after attention and MLP."""

    block_norms = (*Llama.block_norms, "pre_feedforward_layernorm", "post_feedforward_layernorm")

    def __init__(self, name: str, keys: ModelConfig) -> None:
        super().__init__(name, keys)
        # transformers' sdpa leaves out the cap of scores, without a word
        self.eager_only = keys["attn_logit_softcapping"] is not None


class Ropes(BaseModel):
    """Rotary positions of the blocks that see everything, and of those that see a window."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    full_attention: Rope
    sliding_attention: Rope


class Gemma3Keys(_WindowKeys):
    """What Gemma3ForCausalLM computes with: one block in `sliding_window_pattern` sees all."""

    elsewhere = ROPE_KEYS | {"rope_local_base_freq"}
    sliding_window_pattern: Size = 6
    attn_logit_softcapping: Literal[None] = None  # a key that it has, and does not compute with
    rope_parameters: Ropes

    @classmethod
    def rope(cls, keys: Mapping[str, object]) -> dict[str, object]:
        own = keys.get("rope_parameters") or {}
        if not isinstance(own, dict):
            raise ValueError("rope_parameters is not an object")
        beside = {key: keys[key] for key in ROPE_KEYS & keys.keys()}
        local = "rope_local_base_freq"
        of_window = {"rope_theta": keys[local]} if local in keys else {}
        full = rope_of(beside | {"rope_parameters": own.get("full_attention")}, 1_000_000.0)
        window = rope_of(of_window | {"rope_parameters": own.get("sliding_attention")}, 10000.0)
        return own | {"full_attention": full, "sliding_attention": window}


class Gemma3(Qwen3):
    """Gemma 2 with norms of each head's query and key."""

    block_norms = Gemma2.block_norms
    turned = None  # its blocks have two kinds of positions
