"""Where the matrices of attention and of the MLP lie in a model's tensors, whatever its family.

Ranges are given in the stored orientation of `model.safetensors`: a Linear layer stores (output,
input), GPT-2's Conv1D (input, output).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from needq.common.errors import UserError
from needq.common.files import ModelConfig
from needq.common.keys import MLP_IN, MLP_OUT, MLPS

if TYPE_CHECKING:
    import numpy as np

Range = tuple[int, int]
Names = Mapping[str, str]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Slice:
    """A part of a tensor, and of the matrix that it belongs to: half-open ranges along each axis.

    A matrix may lie in several slices of one tensor. `place` says where this one is in the matrix,
    whose parts are put side by side.
    """

    tensor: str
    ranges: tuple[Range, ...]
    place: tuple[Range, ...]

    def index(self) -> tuple[slice, ...]:
        """The slice as an index into the whole tensor."""
        return tuple(slice(start, stop) for start, stop in self.ranges)

    def within(self) -> tuple[slice, ...]:
        """The slice as an index into the matrix."""
        return tuple(slice(start, stop) for start, stop in self.place)

    @property
    def module(self) -> str:
        """The layer whose weight or bias the tensor is."""
        return self.tensor.rpartition(".")[0]


@dataclass(frozen=True)
class Matrix:
    """A whole matrix or bias: slices of one tensor, side by side along an axis, in head order."""

    slices: tuple[Slice, ...]
    axis: int

    @property
    def tensor(self) -> str:
        """The tensor that all slices are of."""
        return self.slices[0].tensor

    def of(self, tensors: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """The matrix, from the tensors by their names."""
        import numpy as np  # which Snakemake's own environment lacks

        whole = tensors[self.tensor]
        if len(self.slices) == 1:
            return whole[self.slices[0].index()]
        return np.concatenate([whole[part.index()] for part in self.slices], self.axis)


class Layer(NamedTuple):
    """A linear layer of a block."""

    outputs: int
    inputs: int
    bias: bool = False


class Architecture:
    """The sizes of one model, the names of its tensors, and where its matrices lie.

    A subclass gives the names, and with `layers`, `norms`, `outer` and `place` what is in a block,
    outside of all blocks, and where a matrix is. Matrices are W_Q, W_K, W_V and W_O ("q", "k", "v",
    "o"), and those of the MLP, as `singles` names them. `keys` is what config.json says, as
    `model_config.checked` returns it.
    """

    blocks: ClassVar[str]  # what the names of the blocks' tensors begin with
    embedding: ClassVar[str]
    prefix: ClassVar[str]  # which some files leave out of the names of their tensors
    head: ClassVar[str] = "lm_head.weight"
    head_bias: ClassVar[bool] = False
    # layers of the MLP: those that read the residual stream, by what tells them apart, and the one
    # that writes it; none if it has experts
    mlp_inputs: ClassVar[Names] = {}
    mlp_output: ClassVar[str] = ""
    output_axis: ClassVar[int] = 0  # of a stored weight: which axis belongs to the layer's outputs
    # the module of a block whose buffers are a mask, and rotary frequencies, in old files
    masked: ClassVar[str | None] = None
    turned: ClassVar[str | None] = None
    eager_only: bool = False  # whether other attention kernels of transformers lack something
    # the keys of config.json that give the sizes
    names: ClassVar[Names] = {
        "n_blocks": "num_hidden_layers",
        "width": "hidden_size",
        "heads": "num_attention_heads",
        "context": "max_position_embeddings",
        "hidden": "intermediate_size",
    }

    def __init__(self, name: str, keys: ModelConfig) -> None:
        sizes: dict[str, Any] = {size: keys.get(key) for size, key in self.names.items()}
        self.name, self.keys = name, keys
        self.n_blocks: int = sizes["n_blocks"]
        self.width: int = sizes["width"]
        self.heads: int = sizes["heads"]
        self.key_value_heads: int = keys.get("num_key_value_heads") or self.heads
        self.head_width: int = keys.get("head_dim") or self.width // self.heads
        self.context: int = sizes["context"]
        self.vocabulary: int = keys["vocab_size"]
        self.hidden: int = (
            sizes.get("hidden") or 4 * self.width
        )  # the width of the MLP's hidden layer
        self.tied: bool = keys["tie_word_embeddings"]  # whether the head is the embedding

    def layers(self) -> dict[str, Layer]:
        """The linear layers of one block, by their names inside it."""
        raise NotImplementedError

    def norms(self) -> Shapes:
        """The other tensors of one block, by their names inside it."""
        raise NotImplementedError

    def outer(self) -> Shapes:
        """The tensors outside the blocks, the head aside."""
        raise NotImplementedError

    def place(self, matrix: str) -> tuple[str, Sequence[int]]:
        """The layer that W_Q, W_K, W_V or W_O is in ("q", "k", "v", "o"), and where it begins.

        It begins at an output of the layer (an input for W_O); at several if it lies in as many
        parts of one size.
        """
        raise NotImplementedError

    def singles(self, matrix: str) -> tuple[str, ...]:
        """The matrices that a sweep's matrix is made of: several if it is of the MLP.

        They are mlp_in and mlp_out, or mlp_in.gate, mlp_in.up and mlp_out of a gated MLP.
        """
        if matrix not in MLPS:
            return (matrix,)
        inputs = tuple(f"{MLP_IN}.{part}".removesuffix(".") for part in self.mlp_inputs)
        return {MLP_IN: inputs, MLP_OUT: (MLP_OUT,)}.get(matrix, (*inputs, MLP_OUT))

    def _place(self, matrix: str) -> tuple[str, Sequence[int]]:
        """`place`, for matrices of the MLP too."""
        if matrix == MLP_OUT:
            return self.mlp_output, [0]
        if not matrix.startswith(MLP_IN):
            return self.place(matrix)
        part = matrix.removeprefix(MLP_IN).removeprefix(".")
        layer = self.mlp_inputs[part]  # which may have several parts, one below the other
        inside = [name for name, other in self.mlp_inputs.items() if other == layer]
        return layer, [inside.index(part) * self.hidden]

    @property
    def scores_normalised(self) -> bool:
        """Whether queries and keys are normalised, so that no score depends on their scale."""
        return any(name.split(".")[1] in ("q_norm", "q_layernorm") for name in self.norms())

    def window(self, block: int) -> int | None:
        """How many tokens a block sees, where that is part of the mask in old files."""
        return None

    def shapes(self) -> Shapes:
        """The shape of every tensor that the model computes with, by its name."""
        shapes = self.outer()
        if not self.tied:
            shapes[self.head] = shapes[self.embedding]
        if self.head_bias:
            shapes["lm_head.bias"] = (self.vocabulary,)
        in_block = self.norms() | dict(self._layer_shapes())
        for block in range(self.n_blocks):
            shapes |= {f"{self.blocks}{block}.{name}": shape for name, shape in in_block.items()}
        return shapes

    def _layer_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for name, layer in self.layers().items():
            shape = (layer.outputs, layer.inputs)
            yield f"{name}.weight", shape if self.output_axis == 0 else shape[::-1]
            if layer.bias:
                yield f"{name}.bias", shape[:1]

    def axes(self, matrix: str) -> tuple[int, int]:
        """The axis along which the matrix is cut by heads, and by residual dimensions.

        The MLP has units of its hidden layer where attention has heads.
        """
        return (1 - self.output_axis if writes(matrix) else self.output_axis), (
            self.output_axis if writes(matrix) else 1 - self.output_axis
        )

    def heads_of(self, matrix: str) -> int:
        """How many heads the matrix has: W_K and W_V may have fewer. The MLP counts as one."""
        if matrix.startswith(MLPS):
            return 1
        return self.key_value_heads if matrix in "kv" else self.heads

    def matrix(self, matrix: str, block: int) -> Matrix:
        """The whole of one matrix of one block."""
        return Matrix(tuple(self.parts(matrix, block)), self.axes(matrix)[0])

    def bias(self, matrix: str, block: int) -> Matrix | None:
        """The bias that belongs to the matrix, if it has one."""
        parts = self.bias_parts(matrix, block)
        return Matrix(tuple(parts), 0) if parts else None

    def parts(
        self,
        matrix: str,
        block: int,
        heads: Sequence[int] | None = None,
        dimensions: Sequence[int] | None = None,
    ) -> list[Slice]:
        """The slices of a matrix that belong to some heads and dimensions (None for all)."""
        tensor = f"{self.blocks}{block}.{self._place(matrix)[0]}.weight"
        of_heads = self._head_ranges(matrix, heads)
        of_dimensions = [(cut, cut) for cut in self._dimension_ranges(dimensions)]
        first, second = of_heads, of_dimensions
        if self.axes(matrix)[0] == 1:
            first, second = second, first
        return [
            Slice(tensor, (rows, columns), (row_place, column_place))
            for rows, row_place in first
            for columns, column_place in second
        ]

    def bias_parts(
        self, matrix: str, block: int, heads: Sequence[int] | None = None
    ) -> list[Slice]:
        """The slices of a matrix's bias that belong to some heads; none if there is no bias.

        The bias of W_O belongs to no head, so it is one slice whatever the heads.
        """
        layer = self._place(matrix)[0]
        if not self.layers()[layer].bias:
            return []
        whole = [((0, self.width), (0, self.width))]
        ranges = whole if writes(matrix) else self._head_ranges(matrix, heads)
        tensor = f"{self.blocks}{block}.{layer}.bias"
        return [Slice(tensor, (stored,), (place,)) for stored, place in ranges]

    def _head_ranges(self, matrix: str, heads: Sequence[int] | None) -> list[tuple[Range, Range]]:
        """Where some heads are in the layer, and in the matrix; all of them in as few ranges."""
        count, starts = self.heads_of(matrix), self._place(matrix)[1]
        inner = self.hidden if matrix.startswith(MLPS) else count * self.head_width
        size = inner // len(starts)  # of a part
        if heads is None:
            parts = enumerate(starts)
            return [((s, s + size), (n * size, (n + 1) * size)) for n, s in parts]
        _within("heads", heads, count)
        ranges = []
        for head in heads:
            part, inside = divmod(head * self.head_width, size)
            stored, place = starts[part] + inside, head * self.head_width
            ranges.append(((stored, stored + self.head_width), (place, place + self.head_width)))
        return ranges

    def _dimension_ranges(self, dimensions: Sequence[int] | None) -> list[Range]:
        if dimensions is None:
            return [(0, self.width)]
        _within("dimensions", dimensions, self.width)
        ranges: list[Range] = []
        for dimension in dimensions:
            if ranges and ranges[-1][1] == dimension:
                ranges[-1] = (ranges[-1][0], dimension + 1)
            else:
                ranges.append((dimension, dimension + 1))
        return ranges


def writes(matrix: str) -> bool:
    """Whether a matrix writes the residual stream; the others read it."""
    return matrix in ("o", MLP_OUT)


def norm(name: str, size: int, bias: bool = True) -> Shapes:
    """The tensors of a layer norm; one without a bias is an RMSNorm."""
    return {f"{name}.{part}": (size,) for part in (("weight", "bias") if bias else ("weight",))}


def _within(what: str, chosen: Sequence[int], count: int) -> None:
    for index in chosen:
        if index >= count:
            raise UserError(f"sweeps: {what}: no {index}; the model has 0 to {count - 1}")
