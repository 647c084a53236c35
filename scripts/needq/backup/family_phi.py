"""Phi, Phi-3 and StableLM: kin of Llama with other norms, MLPs or projections."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from needq.backup.family_llama import Llama
from needq.backup.keys import (
    Activation,
    DecoderKeys,
    Flag,
    Names,
    Padding,
    PartialRope,
    Positive,
    Size,
)
from needq.backup.layout import Layer, Shapes, norm


class PhiKeys(DecoderKeys):
    """What PhiForCausalLM computes with: positions turn half of each head."""

    partial = 0.5
    hidden_act: Activation = "gelu_new"
    layer_norm_eps: Positive = 1e-5
    qk_layernorm: Flag = False
    rope_parameters: PartialRope


class Phi(Llama):
    """Biases everywhere; the MLP reads what attention reads."""

    last_norm = "model.final_layernorm"
    output = "dense"
    block_norms = ("input_layernorm",)
    norm_bias = True
    head_bias = True
    mlp_inputs: ClassVar[Names] = {"": "mlp.fc1"}
    mlp_output = "mlp.fc2"

    def biased(self) -> str:
        return "qkvo"

    def norms(self) -> Shapes:
        names = ("self_attn.q_layernorm", "self_attn.k_layernorm")
        own = names if self.keys["qk_layernorm"] else ()
        return super().norms() | {t: s for n in own for t, s in norm(n, self.head_width).items()}

    def mlp(self) -> dict[str, Layer]:
        return {
            "mlp.fc1": Layer(self.hidden, self.width, bias=True),
            "mlp.fc2": Layer(self.width, self.hidden, bias=True),
        }


class DefaultRope(PartialRope):
    """Positions without scaling: Phi-3's other kind depends on the longest row of a batch."""

    rope_type: Literal["default"] = "default"


class Phi3Keys(DecoderKeys):
    """What Phi3ForCausalLM computes with."""

    nullable = frozenset({"pad_token_id"})
    partial = 1.0
    pad_token_id: Padding = None
    hidden_act: Activation = "silu"
    rms_norm_eps: Positive = 1e-5
    sliding_window: Size | None = None
    rope_parameters: DefaultRope

    @classmethod
    def rope(cls, keys: Mapping[str, object]) -> dict[str, object]:
        own = super().rope(keys)  # the length in training serves the other kind alone
        return {k: v for k, v in own.items() if k != "original_max_position_embeddings"}


class Phi3(Llama):
    """W_Q, W_K and W_V one below the other in one layer, and so the MLP's first two."""

    mlp_inputs: ClassVar[Names] = {"gate": "mlp.gate_up_proj", "up": "mlp.gate_up_proj"}

    def layers(self) -> dict[str, Layer]:
        queries, shared = (self.heads_of(matrix) * self.head_width for matrix in "qk")
        return {
            "self_attn.qkv_proj": Layer(queries + 2 * shared, self.width),
            "self_attn.o_proj": Layer(self.width, queries),
            "mlp.gate_up_proj": Layer(2 * self.hidden, self.width),
            "mlp.down_proj": Layer(self.width, self.hidden),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        if matrix == "o":
            return "self_attn.o_proj", [0]
        before = {"q": 0, "k": self.heads, "v": self.heads + self.key_value_heads}[matrix]
        return "self_attn.qkv_proj", [before * self.head_width]


class StableLMKeys(DecoderKeys):
    """What StableLmForCausalLM computes with: positions turn a quarter of each head."""

    partial, shared = 0.25, 32
    hidden_act: Activation = "silu"
    layer_norm_eps: Positive = 1e-5
    head_dim: Literal[None] = None  # its attention knows none
    use_qkv_bias: Flag = False
    qk_layernorm: Flag = False
    use_parallel_residual: Flag = False
    rope_parameters: PartialRope


class StableLM(Llama):
    """Layer norms with biases; each head may have norms of its own."""

    norm_bias = True

    def biased(self) -> str:
        return "qkv" if self.keys["use_qkv_bias"] else ""

    def norms(self) -> Shapes:
        names = self.block_norms[:1] if self.keys["use_parallel_residual"] else self.block_norms
        shapes = {t: s for n in names for t, s in norm(n, self.width).items()}
        for matrix in "qk" if self.keys["qk_layernorm"] else "":
            for head in range(self.heads_of(matrix)):
                name = f"self_attn.{matrix}_layernorm.norms.{head}"
                shapes |= norm(name, self.head_width, bias=False)
        return shapes
