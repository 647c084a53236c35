"""GPT-2, GPT-Neo and GPT-J: blocks under `transformer.h`, as many W_K and W_V as W_Q.

Each family is the keys of its config.json, with transformers' defaults, and where its matrices are.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from needq.backup.keys import (
    Activation,
    Blocks,
    Context,
    Flag,
    Keys,
    Names,
    Positive,
    Size,
    Vocabulary,
    require_heads,
)
from needq.backup.layout import Architecture, Layer, Shapes, norm

# other names that transformers has for the keys of GPT-2 and GPT-J
ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}


class GPT2Keys(Keys):
    """What GPT2LMHeadModel computes with."""

    aliases: ClassVar[Names] = ALIASES
    vocab_size: Vocabulary
    n_positions: Context
    n_embd: Size
    n_layer: Blocks
    n_head: Size
    n_inner: Size | None = None
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5
    scale_attn_weights: Flag = True
    scale_attn_by_inverse_layer_idx: Flag = False
    reorder_and_upcast_attn: Flag = False
    tie_word_embeddings: Flag = True

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        return self


class GPT2(Architecture):
    """W_Q, W_K and W_V side by side in one Conv1D, with biases."""

    blocks = "transformer.h."
    embedding = "transformer.wte.weight"
    prefix = "transformer."
    output_axis = 1
    mlp_inputs: ClassVar[Names] = {"": "mlp.c_fc"}
    mlp_output = "mlp.c_proj"
    masked = "attn"
    names: ClassVar[Names] = {
        "n_blocks": "n_layer",
        "width": "n_embd",
        "heads": "n_head",
        "context": "n_positions",
        "hidden": "n_inner",
    }

    def outer(self) -> Shapes:
        positions = {"transformer.wpe.weight": (self.context, self.width)}
        embedding = {self.embedding: (self.vocabulary, self.width)}
        return embedding | positions | norm("transformer.ln_f", self.width)

    def norms(self) -> Shapes:
        return norm("ln_1", self.width) | norm("ln_2", self.width)

    def layers(self) -> dict[str, Layer]:
        return {
            "attn.c_attn": Layer(3 * self.width, self.width, bias=True),
            "attn.c_proj": Layer(self.width, self.width, bias=True),
            "mlp.c_fc": Layer(self.hidden, self.width, bias=True),
            "mlp.c_proj": Layer(self.width, self.hidden, bias=True),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        if matrix == "o":
            return "attn.c_proj", [0]
        return "attn.c_attn", ["qkv".index(matrix) * self.width]


BlockType = Literal["global", "local"]
AttentionTypes = list[list[list[BlockType] | Size]]  # some types, and how often they come again
BY_TURNS: AttentionTypes = [[["global", "local"], 12]]


class GPTNeoKeys(Keys):
    """What GPTNeoForCausalLM computes with: blocks see everything (global) or a window (local)."""

    aliases: ClassVar[Names] = {
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
    }
    vocab_size: Vocabulary
    max_position_embeddings: Context
    hidden_size: Size
    num_layers: Blocks
    num_heads: Size
    attention_types: AttentionTypes = BY_TURNS
    attention_layers: list[BlockType] | None = None  # the same, one per block
    window_size: Size = 256
    intermediate_size: Size | None = None
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5
    tie_word_embeddings: Flag = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_heads(self.hidden_size, self.num_heads)
        for group in self.attention_types:
            if [type(part) for part in group] != [list, int]:
                raise ValueError(f"attention_types has {group}, not some types and their number")
        types = _one_per_block(self.attention_types)
        if len(types) != self.num_layers or self.attention_layers not in (None, types):
            raise ValueError(
                "attention_types, attention_layers and num_layers do not give the same blocks"
            )
        return self


def _one_per_block(attention_types: Sequence[Any]) -> list[str]:
    """The type of each block, from some types and how often they come again."""
    return [kind for kinds, times in attention_types for kind in kinds * times]


class GPTNeo(Architecture):
    """Four layers for attention; W_O alone has a bias."""

    blocks = "transformer.h."
    embedding = "transformer.wte.weight"
    prefix = "transformer."
    mlp_inputs: ClassVar[Names] = GPT2.mlp_inputs
    mlp_output = GPT2.mlp_output
    masked = "attn.attention"
    eager_only = True
    names: ClassVar[Names] = {
        **Architecture.names,
        "n_blocks": "num_layers",
        "heads": "num_heads",
    }

    def outer(self) -> Shapes:
        positions = {"transformer.wpe.weight": (self.context, self.width)}
        embedding = {self.embedding: (self.vocabulary, self.width)}
        return embedding | positions | norm("transformer.ln_f", self.width)

    def norms(self) -> Shapes:
        return norm("ln_1", self.width) | norm("ln_2", self.width)

    def layers(self) -> dict[str, Layer]:
        names = [self.place(matrix)[0] for matrix in "qkv"]
        return {name: Layer(self.width, self.width) for name in names} | {
            "attn.attention.out_proj": Layer(self.width, self.width, bias=True),
            "mlp.c_fc": Layer(self.hidden, self.width, bias=True),
            "mlp.c_proj": Layer(self.width, self.hidden, bias=True),
        }

    def window(self, block: int) -> int | None:
        kind = _one_per_block(self.keys["attention_types"])[block]
        return self.keys["window_size"] if kind == "local" else None

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        return f"attn.attention.{'out' if matrix == 'o' else matrix}_proj", [0]


class GPTJKeys(Keys):
    """What GPTJForCausalLM computes with."""

    aliases: ClassVar[Names] = ALIASES
    vocab_size: Vocabulary
    n_positions: Context
    n_embd: Size
    n_layer: Blocks
    n_head: Size
    rotary_dim: Size = 64
    n_inner: Size | None = None
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5
    tie_word_embeddings: Flag = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_heads(self.n_embd, self.n_head)
        if self.rotary_dim % 2 or self.rotary_dim > self.n_embd // self.n_head:
            raise ValueError(
                f"rotary_dim {self.rotary_dim} is odd, or wider than a head "
                f"({self.n_embd // self.n_head})"
            )
        return self


class GPTJ(Architecture):
    """Four layers for attention, without biases; the MLP reads what attention reads."""

    blocks = "transformer.h."
    embedding = "transformer.wte.weight"
    prefix = "transformer."
    head_bias = True
    mlp_inputs: ClassVar[Names] = {"": "mlp.fc_in"}
    mlp_output = "mlp.fc_out"
    masked = "attn"
    eager_only = True
    names: ClassVar[Names] = GPT2.names

    def outer(self) -> Shapes:
        embedding = {self.embedding: (self.vocabulary, self.width)}
        return embedding | norm("transformer.ln_f", self.width)

    def norms(self) -> Shapes:
        return norm("ln_1", self.width)

    def layers(self) -> dict[str, Layer]:
        names = [self.place(matrix)[0] for matrix in "qkvo"]
        return {name: Layer(self.width, self.width) for name in names} | {
            "mlp.fc_in": Layer(self.hidden, self.width, bias=True),
            "mlp.fc_out": Layer(self.width, self.hidden, bias=True),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        return f"attn.{'out' if matrix == 'o' else matrix}_proj", [0]
