"""GPT-NeoX (Pythia), Bloom and Falcon: one layer gives queries, keys and values, head by head."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from needq.backup.keys import (
    ROPE_KEYS,
    Activation,
    Blocks,
    Context,
    Flag,
    Keys,
    Names,
    PartialRope,
    Positive,
    Rope,
    Size,
    Vocabulary,
    require_heads,
    require_pairs,
    rope_of,
)
from needq.backup.layout import Architecture, Layer, Shapes, norm
from needq.common.files import ModelConfig


class GPTNeoXKeys(Keys):
    """What GPTNeoXForCausalLM computes with."""

    aliases: ClassVar[Names] = {
        "rotary_pct": "partial_rotary_factor",
        "rotary_emb_base": "rope_theta",
    }
    elsewhere = ROPE_KEYS
    vocab_size: Vocabulary
    hidden_size: Size
    num_hidden_layers: Blocks
    num_attention_heads: Size
    intermediate_size: Size
    hidden_act: Activation = "gelu"
    max_position_embeddings: Context
    layer_norm_eps: Positive = 1e-5
    use_parallel_residual: Flag = True
    attention_bias: Flag = True
    tie_word_embeddings: Flag = False
    rope_parameters: PartialRope

    @classmethod
    def as_now(cls, keys: dict[str, object]) -> dict[str, object]:
        return keys | {"rope_parameters": rope_of(keys, 10000.0, 0.25)}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_heads(self.hidden_size, self.num_attention_heads)
        require_pairs(self.hidden_size // self.num_attention_heads, self)
        return self


class GPTNeoX(Architecture):
    """Outputs in groups: the query, the key and the value of one head."""

    blocks = "gpt_neox.layers."
    embedding = "gpt_neox.embed_in.weight"
    prefix = "gpt_neox."
    head = "embed_out.weight"
    mlp_inputs: ClassVar[Names] = {"": "mlp.dense_h_to_4h"}
    mlp_output = "mlp.dense_4h_to_h"
    masked: ClassVar[str | None] = "attention"
    turned: ClassVar[str | None] = "attention"
    attention = "attention"  # what the names of its layers begin with

    def outer(self) -> Shapes:
        embedding = {self.embedding: (self.vocabulary, self.width)}
        return embedding | norm("gpt_neox.final_layer_norm", self.width)

    def norms(self) -> Shapes:
        names = ("input_layernorm", "post_attention_layernorm")
        return norm(names[0], self.width) | norm(names[1], self.width)

    def layers(self) -> dict[str, Layer]:
        bias = self.keys.get("attention_bias", True)
        return {
            f"{self.attention}.query_key_value": Layer(3 * self.width, self.width, bias),
            f"{self.attention}.dense": Layer(self.width, self.width, bias),
            "mlp.dense_h_to_4h": Layer(self.hidden, self.width, bias=True),
            "mlp.dense_4h_to_h": Layer(self.width, self.hidden, bias=True),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        if matrix == "o":
            return f"{self.attention}.dense", [0]
        groups = [3 * head + "qkv".index(matrix) for head in range(self.heads)]
        return f"{self.attention}.query_key_value", [group * self.head_width for group in groups]


class BloomKeys(Keys):
    """What BloomForCausalLM computes with, and `seq_length`, its context in training."""

    aliases: ClassVar[Names] = {
        "n_embed": "hidden_size",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    vocab_size: Vocabulary
    hidden_size: Size
    n_layer: Blocks
    n_head: Size
    seq_length: Context = 2048
    layer_norm_epsilon: Positive = 1e-5
    apply_residual_connection_post_layernorm: Flag = False
    slow_but_exact: Literal[False] = False  # sums of W_O in the order of the training's machines
    tie_word_embeddings: Flag = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_heads(self.hidden_size, self.n_head)
        return self


class Bloom(GPTNeoX):
    """GPT-NeoX's layout by other names; positions are in the attention scores (ALiBi)."""

    blocks = "transformer.h."
    embedding = "transformer.word_embeddings.weight"
    prefix = "transformer."
    head = Architecture.head
    attention = "self_attention"
    masked = turned = None
    eager_only = True
    names: ClassVar[Names] = {
        "n_blocks": "n_layer",
        "width": "hidden_size",
        "heads": "n_head",
    } | {"context": "seq_length"}

    def outer(self) -> Shapes:
        embedding = {self.embedding: (self.vocabulary, self.width)}
        first = norm("transformer.word_embeddings_layernorm", self.width)
        return embedding | first | norm("transformer.ln_f", self.width)


class FalconKeys(Keys):
    """What FalconForCausalLM computes with."""

    aliases: ClassVar[Names] = {"n_embed": "hidden_size"}
    elsewhere = ROPE_KEYS
    vocab_size: Vocabulary
    hidden_size: Size
    num_hidden_layers: Blocks
    num_attention_heads: Size
    num_kv_heads: Size
    new_decoder_architecture: Flag = False
    multi_query: Flag = True
    parallel_attn: Flag = True
    num_ln_in_parallel_attn: Literal[1, 2] | None = None
    bias: Flag = False
    alibi: Flag = False
    ffn_hidden_size: Size | None = None
    activation: Activation = "gelu"
    max_position_embeddings: Context = 2048
    layer_norm_epsilon: Positive = 1e-5
    tie_word_embeddings: Flag = True
    rope_parameters: Rope

    @classmethod
    def as_now(cls, keys: dict[str, object]) -> dict[str, object]:
        shared = keys.get("num_kv_heads", keys.get("num_attention_heads"))
        return keys | {"num_kv_heads": shared, "rope_parameters": rope_of(keys, 10000.0)}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_heads(self.hidden_size, self.num_attention_heads)
        if not self.alibi:
            require_pairs(self.hidden_size // self.num_attention_heads, self)
        if self.num_attention_heads % self.num_kv_heads:
            raise ValueError(
                f"num_attention_heads {self.num_attention_heads} is not a multiple of "
                f"num_kv_heads {self.num_kv_heads}"
            )
        if self.new_decoder_architecture and not self.parallel_attn:
            raise ValueError("new_decoder_architecture needs parallel_attn")
        if self.num_ln_in_parallel_attn == 2 and not self.new_decoder_architecture:
            raise ValueError("num_ln_in_parallel_attn 2 needs new_decoder_architecture")
        if not (self.new_decoder_architecture or self.multi_query) and (
            self.num_kv_heads != self.num_attention_heads
        ):
            raise ValueError("num_kv_heads needs multi_query or new_decoder_architecture")
        return self


class Falcon(Architecture):
    """Groups of outputs: the queries of the heads that share a key and a value, and these two."""

    blocks = "transformer.h."
    embedding = "transformer.word_embeddings.weight"
    prefix = "transformer."
    mlp_inputs: ClassVar[Names] = GPTNeoX.mlp_inputs
    mlp_output = GPTNeoX.mlp_output
    names: ClassVar[Names] = {**Architecture.names, "hidden": "ffn_hidden_size"}

    def __init__(self, name: str, keys: ModelConfig) -> None:
        super().__init__(name, keys)
        single = keys["multi_query"] and not keys["new_decoder_architecture"]
        self.key_value_heads = 1 if single else keys["num_kv_heads"]

    def outer(self) -> Shapes:
        embedding = {self.embedding: (self.vocabulary, self.width)}
        return embedding | norm("transformer.ln_f", self.width)

    def norms(self) -> Shapes:
        names = ["input_layernorm"]
        if not self.keys["parallel_attn"]:
            names = ["input_layernorm", "post_attention_layernorm"]
        elif self.keys["new_decoder_architecture"] and (
            self.keys.get("num_ln_in_parallel_attn", 2) == 2
        ):
            names = ["ln_attn", "ln_mlp"]
        return {tensor: size for name in names for tensor, size in norm(name, self.width).items()}

    def layers(self) -> dict[str, Layer]:
        fused = (self.heads + 2 * self.key_value_heads) * self.head_width
        bias = self.keys["bias"]
        return {
            "self_attention.query_key_value": Layer(fused, self.width, bias),
            "self_attention.dense": Layer(self.width, self.width, bias),
            "mlp.dense_h_to_4h": Layer(self.hidden, self.width, bias),
            "mlp.dense_4h_to_h": Layer(self.width, self.hidden, bias),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        if matrix == "o":
            return "self_attention.dense", [0]
        queries = self.heads // self.key_value_heads  # of one group
        first = {"q": 0, "k": queries, "v": queries + 1}[matrix]
        starts = [group * (queries + 2) + first for group in range(self.key_value_heads)]
        return "self_attention.query_key_value", [start * self.head_width for start in starts]
