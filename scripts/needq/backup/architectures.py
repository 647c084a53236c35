"""What tensors each architecture has, and where in them its matrices lie.

No other module knows the names of tensors.

Ranges are given in the stored orientation of `model.safetensors`: GPT-2's Conv1D stores
(input, output), Llama's Linear stores (output, input).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from needq.backup.model_config import checked
from needq.common.errors import UserError
from needq.common.files import ModelConfig

Range = tuple[int, int]
Shapes = dict[str, tuple[int, ...]]
HEAD = "lm_head.weight"


@dataclass(frozen=True)
class Slice:
    """A part of a tensor: a half-open range of indices along each of its axes."""

    tensor: str
    ranges: tuple[Range, ...]

    def index(self) -> tuple[slice, ...]:
        """The slice as an index into the whole tensor."""
        return tuple(slice(start, stop) for start, stop in self.ranges)

    def within(self, outer: "Slice") -> tuple[slice, ...]:
        """The slice as an index into the part that `outer`, which contains it, cuts out."""
        return tuple(
            slice(start - origin, stop - origin)
            for (start, stop), (origin, _) in zip(self.ranges, outer.ranges, strict=True)
        )


@dataclass(frozen=True)
class Architecture:
    """The sizes of one model, and where its attention matrices lie."""

    name: str
    n_blocks: int
    width: int
    heads: int
    key_value_heads: int
    head_width: int
    context: int
    vocabulary: int
    hidden: int  # the width of the MLP's hidden layer
    tied: bool  # whether the head is the embedding

    embedding: ClassVar[str]
    prefix: ClassVar[str]  # which some files leave out of the names of their tensors

    def shapes(self) -> Shapes:
        """The shape of every tensor that the model computes with, by its name."""
        shapes = self._outer_shapes()
        if not self.tied:
            shapes[HEAD] = (self.vocabulary, self.width)
        for block in range(self.n_blocks):
            shapes |= {f"{self._block(block)}{n}": s for n, s in self._block_shapes().items()}
        return shapes

    def _outer_shapes(self) -> Shapes:
        """The tensors outside the blocks, the head aside."""
        raise NotImplementedError

    def _block_shapes(self) -> Shapes:
        """The tensors of one block, by their names inside it."""
        raise NotImplementedError

    def _block(self, block: int) -> str:
        """What the names of a block's tensors begin with."""
        raise NotImplementedError

    def matrix(self, matrix: str, block: int) -> Slice:
        """The whole of W_Q, W_K, W_V or W_O ("q", "k", "v", "o") of one block."""
        raise NotImplementedError

    def bias(self, matrix: str, block: int) -> Slice | None:
        """The bias that belongs to the matrix, if the architecture has one."""
        raise NotImplementedError

    def parts(
        self,
        matrix: str,
        block: int,
        heads: Sequence[int] | None = None,
        dimensions: Sequence[int] | None = None,
    ) -> list[Slice]:
        """The slices of a matrix that belong to some heads and dimensions (None for all)."""
        whole = self.matrix(matrix, block)
        head_axis, dimension_axis = self.axes(matrix)
        ranges: list[list[Range]] = [[], []]
        ranges[head_axis] = self._head_ranges(matrix, whole.ranges[head_axis], heads)
        ranges[dimension_axis] = self._dimension_ranges(whole.ranges[dimension_axis], dimensions)
        return [Slice(whole.tensor, (rows, cols)) for rows in ranges[0] for cols in ranges[1]]

    def bias_parts(
        self, matrix: str, block: int, heads: Sequence[int] | None = None
    ) -> list[Slice]:
        """The slices of a matrix's bias that belong to some heads; none if there is no bias.

        The bias of W_O belongs to no head, so it is one slice whatever the heads.
        """
        whole = self.bias(matrix, block)
        if whole is None:
            return []
        if matrix == "o":
            return [whole]
        return [
            Slice(whole.tensor, (part,))
            for part in self._head_ranges(matrix, whole.ranges[0], heads)
        ]

    def axes(self, matrix: str) -> tuple[int, int]:
        """The axis along which the matrix is cut by heads, and by residual dimensions."""
        raise NotImplementedError

    def _head_ranges(self, matrix: str, whole: Range, heads: Sequence[int] | None) -> list[Range]:
        if heads is None:
            return [whole]
        count = self.key_value_heads if matrix in "kv" else self.heads
        _within("heads", heads, count)
        starts = [whole[0] + head * self.head_width for head in heads]
        return [(start, start + self.head_width) for start in starts]

    def _dimension_ranges(self, whole: Range, dimensions: Sequence[int] | None) -> list[Range]:
        if dimensions is None:
            return [whole]
        _within("dimensions", dimensions, self.width)
        return [(whole[0] + dimension, whole[0] + dimension + 1) for dimension in dimensions]


class GPT2(Architecture):
    """GPT2LMHeadModel: W_Q, W_K and W_V side by side in one Conv1D, with biases."""

    embedding = "transformer.wte.weight"
    prefix = "transformer."

    def _block(self, block: int) -> str:
        return f"transformer.h.{block}."

    def _outer_shapes(self) -> Shapes:
        return {
            self.embedding: (self.vocabulary, self.width),
            "transformer.wpe.weight": (self.context, self.width),
            "transformer.ln_f.weight": (self.width,),
            "transformer.ln_f.bias": (self.width,),
        }

    def _block_shapes(self) -> Shapes:
        matrices = {
            "attn.c_attn": (self.width, 3 * self.width),
            "attn.c_proj": (self.width, self.width),
            "mlp.c_fc": (self.width, self.hidden),
            "mlp.c_proj": (self.hidden, self.width),
        }
        shapes: Shapes = {f"{name}.weight": shape for name, shape in matrices.items()}
        shapes |= {f"{name}.bias": shape[1:] for name, shape in matrices.items()}
        norms = [f"{norm}.{part}" for norm in ("ln_1", "ln_2") for part in ("weight", "bias")]
        return shapes | {name: (self.width,) for name in norms}

    def matrix(self, matrix: str, block: int) -> Slice:
        if matrix == "o":
            return Slice(
                f"{self._block(block)}attn.c_proj.weight", ((0, self.width), (0, self.width))
            )
        return Slice(
            f"{self._block(block)}attn.c_attn.weight", ((0, self.width), self._fused(matrix))
        )

    def bias(self, matrix: str, block: int) -> Slice:
        if matrix == "o":
            return Slice(f"{self._block(block)}attn.c_proj.bias", ((0, self.width),))
        return Slice(f"{self._block(block)}attn.c_attn.bias", (self._fused(matrix),))

    def _fused(self, matrix: str) -> Range:
        start = "qkv".index(matrix) * self.width
        return (start, start + self.width)

    def axes(self, matrix: str) -> tuple[int, int]:
        return (0, 1) if matrix == "o" else (1, 0)


@dataclass(frozen=True)
class Llama(Architecture):
    """LlamaForCausalLM: separate projections without biases, keys and values shared by heads."""

    mlp_bias: bool
    rope_theta: float

    embedding = "model.embed_tokens.weight"
    prefix = "model."

    def _block(self, block: int) -> str:
        return f"model.layers.{block}."

    def _outer_shapes(self) -> Shapes:
        return {
            self.embedding: (self.vocabulary, self.width),
            "model.norm.weight": (self.width,),
        }

    def _block_shapes(self) -> Shapes:
        shapes: Shapes = {f"self_attn.{m}_proj.weight": self._shape(m) for m in "qkvo"}
        mlp = {
            "gate_proj": (self.hidden, self.width),
            "up_proj": (self.hidden, self.width),
            "down_proj": (self.width, self.hidden),
        }
        shapes |= {f"mlp.{name}.weight": shape for name, shape in mlp.items()}
        if self.mlp_bias:
            shapes |= {f"mlp.{name}.bias": shape[:1] for name, shape in mlp.items()}
        norms = ("input_layernorm.weight", "post_attention_layernorm.weight")
        return shapes | {name: (self.width,) for name in norms}

    def _shape(self, matrix: str) -> tuple[int, int]:
        inner = self.head_width * (self.key_value_heads if matrix in "kv" else self.heads)
        return (self.width, inner) if matrix == "o" else (inner, self.width)

    def matrix(self, matrix: str, block: int) -> Slice:
        return Slice(
            f"{self._block(block)}self_attn.{matrix}_proj.weight",
            tuple((0, size) for size in self._shape(matrix)),
        )

    def bias(self, matrix: str, block: int) -> None:
        return None

    def axes(self, matrix: str) -> tuple[int, int]:
        return (1, 0) if matrix == "o" else (0, 1)


def _gpt2(config: ModelConfig) -> GPT2:
    return GPT2(
        name="GPT2LMHeadModel",
        n_blocks=config["n_layer"],
        width=config["n_embd"],
        heads=config["n_head"],
        key_value_heads=config["n_head"],
        head_width=config["n_embd"] // config["n_head"],
        context=config["n_positions"],
        vocabulary=config["vocab_size"],
        hidden=config.get("n_inner") or 4 * config["n_embd"],
        tied=config["tie_word_embeddings"],
    )


def _llama(config: ModelConfig) -> Llama:
    if config["attention_bias"]:
        raise UserError("model: Llama models with attention biases are not supported")
    heads = config["num_attention_heads"]
    return Llama(
        name="LlamaForCausalLM",
        n_blocks=config["num_hidden_layers"],
        width=config["hidden_size"],
        heads=heads,
        key_value_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim") or config["hidden_size"] // heads,
        context=config["max_position_embeddings"],
        vocabulary=config["vocab_size"],
        hidden=config["intermediate_size"],
        tied=config["tie_word_embeddings"],
        mlp_bias=config["mlp_bias"],
        rope_theta=config["rope_parameters"]["rope_theta"],
    )


ARCHITECTURES = {"GPT2LMHeadModel": _gpt2, "LlamaForCausalLM": _llama}


def find_architecture(config: ModelConfig) -> Architecture:
    """The architecture of a model by its `config.json`; UserError if it is not supported."""
    used = checked(config)
    return ARCHITECTURES[used["architectures"][0]](used)


def _within(what: str, chosen: Sequence[int], count: int) -> None:
    for index in chosen:
        if index >= count:
            raise UserError(f"sweeps: {what}: no {index}; the model has 0 to {count - 1}")
