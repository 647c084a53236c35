"""Which values of which tensors a named set of parameters has, in any family of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from needq.backup.layout import Architecture, Slice
from needq.common.errors import UserError

if TYPE_CHECKING:
    from needq.common.healing import Healing

Index = tuple[slice, ...]


def trained_parts(architecture: Architecture, parameters: str) -> dict[str, list[Index]]:
    """The tensors of a set (`common.healing.Parameters`), and the indices of what is trained.

    UserError if the model has no such parameters.
    """
    if parameters == "all_but_queries":
        return {name: [_whole(shape)] for name, shape in architecture.shapes().items()}
    found: dict[str, list[Index]] = {}
    if parameters == "norms":
        for name in _norms(architecture):
            found[name] = [_whole(architecture.shapes()[name])]
    for part in _slices(architecture, parameters):
        found.setdefault(part.tensor, []).append(part.index())
    if not found:
        raise UserError(
            f"healing.parameters: {architecture.name} has no {parameters}; leave this set out"
        )
    return found


def query_parts(architecture: Architecture) -> dict[str, list[Index]]:
    """The tensors that W_Q of some block lies in, and the indices of it: never trained."""
    found: dict[str, list[Index]] = {}
    for block in range(architecture.n_blocks):
        for part in architecture.parts("q", block):
            found.setdefault(part.tensor, []).append(part.index())
    return found


def check_healing(architecture: Architecture, healing: Healing) -> None:
    """UserError if a set of parameters is asked for that the model does not have."""
    for parameters in healing.parameters if healing.run else []:
        trained_parts(architecture, parameters)


def _slices(architecture: Architecture, parameters: str) -> Iterator[Slice]:
    matrices = {"keys": "k", "keys_values_outputs": "kvo"}.get(parameters, "")
    for block in range(architecture.n_blocks):
        for matrix in matrices:
            yield from architecture.parts(matrix, block)
            yield from architecture.bias_parts(matrix, block)
        if parameters == "query_biases":
            yield from architecture.bias_parts("q", block)


def _norms(architecture: Architecture) -> Iterator[str]:
    """The layer norms of each block, and those outside the blocks: their tensors are vectors."""
    for block in range(architecture.n_blocks):
        for name, shape in architecture.norms().items():
            if len(shape) == 1:
                yield f"{architecture.blocks}{block}.{name}"
    for name, shape in architecture.outer().items():
        if len(shape) == 1:
            yield name


def _whole(shape: Sequence[int]) -> Index:
    return tuple(slice(0, size) for size in shape)
