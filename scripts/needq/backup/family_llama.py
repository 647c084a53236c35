"""Llama and its kin that differ by a few settings: each is its keys, and what it adds to Llama.

Families whose MLP, norms or projections are others are in `family_phi`.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from needq.backup.keys import (
    Activation,
    DecoderKeys,
    Flag,
    LayerType,
    Names,
    Padding,
    Positive,
    Rope,
    Size,
)
from needq.backup.layout import Architecture, Layer, Shapes, norm


class KinKeys(DecoderKeys):
    """What every kin of Llama computes with."""

    hidden_act: Activation = "silu"
    rms_norm_eps: Positive = 1e-6
    rope_parameters: Rope


class LlamaKeys(KinKeys):
    """What LlamaForCausalLM computes with."""

    attention_bias: Flag = False
    mlp_bias: Flag = False


class Llama(Architecture):
    """Four layers for attention; heads may share keys and values."""

    blocks = "model.layers."
    embedding = "model.embed_tokens.weight"
    prefix = "model."
    turned: ClassVar[str | None] = "self_attn"
    last_norm: ClassVar[str] = "model.norm"
    output: ClassVar[str] = "o_proj"
    mlp_inputs: ClassVar[Names] = {"gate": "mlp.gate_proj", "up": "mlp.up_proj"}
    mlp_output = "mlp.down_proj"
    block_norms: ClassVar[Sequence[str]] = ("input_layernorm", "post_attention_layernorm")
    norm_bias: ClassVar[bool] = False

    def biased(self) -> str:
        """The matrices that have biases."""
        return "qkvo" if self.keys.get("attention_bias") else ""

    def outer(self) -> Shapes:
        embedding = {self.embedding: (self.vocabulary, self.width)}
        return embedding | norm(self.last_norm, self.width, self.norm_bias)

    def norms(self) -> Shapes:
        names = self.block_norms
        return {t: s for n in names for t, s in norm(n, self.width, self.norm_bias).items()}

    def layers(self) -> dict[str, Layer]:
        inner = {m: self.heads_of(m) * self.head_width for m in "qkvo"}
        sizes = {m: (inner[m], self.width) if m in "qkv" else (self.width, inner[m]) for m in inner}
        own = {self.place(m)[0]: Layer(*sizes[m], m in self.biased()) for m in "qkvo"}
        return own | self.mlp()

    def mlp(self) -> dict[str, Layer]:
        """The linear layers after attention."""
        bias = bool(self.keys.get("mlp_bias"))
        return {
            "mlp.gate_proj": Layer(self.hidden, self.width, bias),
            "mlp.up_proj": Layer(self.hidden, self.width, bias),
            "mlp.down_proj": Layer(self.width, self.hidden, bias),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        return f"self_attn.{self.output if matrix == 'o' else f'{matrix}_proj'}", [0]


class MistralKeys(KinKeys):
    """Tokens see a window of earlier ones, or all of them (null)."""

    nullable = frozenset({"sliding_window"})
    shared = 8
    sliding_window: Size | None = 4096


class MixtralKeys(KinKeys):
    """Mistral with experts in place of an MLP."""

    nullable = frozenset({"sliding_window"})
    theta, shared = 1_000_000.0, 8
    rms_norm_eps: Positive = 1e-5
    sliding_window: Size | None = None
    num_local_experts: Size = 8
    num_experts_per_tok: Size = 2


class Mixtral(Llama):
    """Experts under the names that files have; transformers joins them in memory."""

    mlp_inputs: ClassVar[Names] = {}

    def mlp(self) -> dict[str, Layer]:
        sizes = {"w1": (self.hidden, self.width), "w2": (self.width, self.hidden)}
        sizes["w3"] = sizes["w1"]
        number = self.keys["num_local_experts"]
        router = {"block_sparse_moe.gate": Layer(number, self.width)}
        return router | {
            f"block_sparse_moe.experts.{expert}.{name}": Layer(*size)
            for expert in range(number)
            for name, size in sizes.items()
        }


class Qwen2Keys(KinKeys):
    """Blocks from `max_window_layers` on may see a window."""

    nullable = frozenset({"sliding_window"})
    shared = 32
    use_sliding_window: Flag = False
    sliding_window: Size | None = 4096
    max_window_layers: int = 28
    layer_types: list[LayerType] | None = None


class Qwen2(Llama):
    """Biases of W_Q, W_K and W_V."""

    def biased(self) -> str:
        return "qkv"


class Qwen3Keys(Qwen2Keys):
    """Qwen 2 with a head width of its own."""

    head_dim: Size | None = 128
    attention_bias: Flag = False


class Qwen3(Llama):
    """Norms of each head's query and key."""

    def norms(self) -> Shapes:
        names = ("self_attn.q_norm", "self_attn.k_norm")
        return super().norms() | {f"{name}.weight": (self.head_width,) for name in names}


class SmolLM3Keys(LlamaKeys):
    """Some blocks have no positions (`no_rope_layers` is 0 there)."""

    nullable = frozenset({"sliding_window", "pad_token_id"})
    theta, shared = 2_000_000.0, 4
    pad_token_id: Padding = None
    tie_word_embeddings: Flag = True
    no_rope_layers: list[Literal[0, 1]] | None = None
    no_rope_layer_interval: Size = 4
    use_sliding_window: Flag = False
    sliding_window: Size | None = None
    layer_types: list[LayerType] | None = None


class GraniteKeys(LlamaKeys):
    """Llama with four factors."""

    embedding_multiplier: Positive = 1.0
    residual_multiplier: Positive = 1.0
    attention_multiplier: Positive = 1.0
    logits_scaling: Positive = 1.0


class Olmo2Keys(KinKeys):
    """What Olmo2ForCausalLM computes with."""

    rms_norm_eps: Positive = 1e-5
    attention_bias: Flag = False


class Olmo2(Llama):
    """Norms after attention and MLP, and of all queries and keys of a token together."""

    block_norms = ("post_attention_layernorm", "post_feedforward_layernorm")

    def norms(self) -> Shapes:
        queries, keys = (self.heads_of(matrix) * self.head_width for matrix in "qk")
        own = norm("self_attn.q_norm", queries, False) | norm("self_attn.k_norm", keys, False)
        return super().norms() | own
