"""OPT: a decoder inside the model, whose embedding may be narrower than its blocks."""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from needq.backup.keys import (
    Activation,
    Blocks,
    Context,
    Flag,
    Keys,
    Names,
    Size,
    Vocabulary,
    require_heads,
)
from needq.backup.layout import Architecture, Layer, Shapes, norm

OFFSET = 2  # the first positions of its table belong to none


class OPTKeys(Keys):
    """What OPTForCausalLM computes with."""

    vocab_size: Vocabulary
    hidden_size: Size
    num_hidden_layers: Blocks
    num_attention_heads: Size
    ffn_dim: Size
    max_position_embeddings: Context
    word_embed_proj_dim: Size | None = None
    do_layer_norm_before: Flag = True
    no_last_norm: Flag = Field(default=False, alias="_remove_final_layer_norm")
    enable_bias: Flag = True
    layer_norm_elementwise_affine: Flag = True
    activation_function: Activation = "relu"
    tie_word_embeddings: Flag = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_heads(self.hidden_size, self.num_attention_heads)
        return self


class OPT(Architecture):
    """Four layers for attention, with biases."""

    blocks = "model.decoder.layers."
    embedding = "model.decoder.embed_tokens.weight"
    prefix = "model."
    mlp_inputs: ClassVar[Names] = {"": "fc1"}
    mlp_output = "fc2"
    names: ClassVar[Names] = {**Architecture.names, "hidden": "ffn_dim"}

    def _norm(self, name: str) -> Shapes:
        return norm(name, self.width) if self.keys["layer_norm_elementwise_affine"] else {}

    def outer(self) -> Shapes:
        narrow = self.keys.get("word_embed_proj_dim", self.width)
        shapes: Shapes = {
            self.embedding: (self.vocabulary, narrow),
            "model.decoder.embed_positions.weight": (self.context + OFFSET, self.width),
        }
        if narrow != self.width:
            shapes["model.decoder.project_in.weight"] = (self.width, narrow)
            shapes["model.decoder.project_out.weight"] = (narrow, self.width)
        if self.keys["do_layer_norm_before"] and not self.keys["_remove_final_layer_norm"]:
            shapes |= self._norm("model.decoder.final_layer_norm")
        return shapes

    def norms(self) -> Shapes:
        return self._norm("self_attn_layer_norm") | self._norm("final_layer_norm")

    def layers(self) -> dict[str, Layer]:
        bias = self.keys["enable_bias"]
        names = [self.place(matrix)[0] for matrix in "qkvo"]
        return {name: Layer(self.width, self.width, bias) for name in names} | {
            "fc1": Layer(self.hidden, self.width, bias),
            "fc2": Layer(self.width, self.hidden, bias),
        }

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        return f"self_attn.{'out' if matrix == 'o' else matrix}_proj", [0]
