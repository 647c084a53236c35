"""Interventions share work: blocks that several of them have in common are computed once.

Interventions that agree in their first blocks form a tree over blocks. A block that is computed by
itself gives the same bits as in a whole forward pass, so each node of the tree is computed once:
402 blocks instead of 732 for the cumulative sweep of 12 blocks and 5 noise seeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from needq.common.files import canonical_json
from needq.corrupt.patches import Patch, SlicePatch
from needq.inference.backend import Model
from needq.inference.patcher import Patcher
from needq.inference.stack import slices_in

# What an intervention replaces in each block. Where two of them agree, it is the same object.
Replaced = Sequence[Sequence[SlicePatch]]


def hidden_under_each(
    model: Model, patcher: Patcher, patches: Sequence[Patch], ids: Tensor, mask: Tensor
) -> Iterator[tuple[int, Tensor]]:
    """The index of each patch, the first one first, with what the model's head takes under it.

    This is [batch, tokens, width]. ids [batch, tokens] and mask as in a model's `logits`.
    """
    alike: dict[str, list[SlicePatch]] = {}
    replaced = {
        index: [
            alike.setdefault(canonical_json(own), own)
            for own in (slices_in(patch, block) for block in range(model.n_blocks))
        ]
        for index, patch in enumerate(patches)
    }
    yield from hidden_under(model, patcher, replaced, ids, mask)


def hidden_under(
    model: Model, patcher: Patcher, replaced: Mapping[int, Replaced], ids: Tensor, mask: Tensor
) -> Iterator[tuple[int, Tensor]]:
    """`hidden_under_each` of interventions that are told by what they replace."""
    yield from _walk(model, patcher, replaced, list(replaced), 0, model.begin(ids, mask))


def _walk(
    model: Model,
    patcher: Patcher,
    replaced: Mapping[int, Replaced],
    chosen: Sequence[int],
    block: int,
    stream: Any,
) -> Iterator[tuple[int, Tensor]]:
    """The same under `chosen` ones that agree in all blocks before `block`, where `stream` is."""
    if block == model.n_blocks:
        hidden = model.hidden(stream)
        for index in chosen:
            yield index, hidden
        return
    groups: dict[int, list[int]] = {}
    for index in chosen:
        groups.setdefault(id(replaced[index][block]), []).append(index)
    for group in groups.values():
        with patcher.applied(replaced[group[0]][block]):
            after = model.block(block, stream)
        yield from _walk(model, patcher, replaced, group, block + 1, after)
