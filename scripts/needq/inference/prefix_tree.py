"""Interventions share work: blocks that several of them have in common are computed once.

Interventions that agree in their first blocks form a tree over blocks. A block that is computed by
itself gives the same bits as in a whole forward pass, so each node of the tree is computed once:
402 blocks instead of 732 for the cumulative sweep of 12 blocks and 5 noise seeds.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from needq.common.files import canonical_json
from needq.corrupt.patches import Patch
from needq.inference.backend import Model
from needq.inference.patcher import Patcher
from needq.inference.stack import slices_in


def hidden_under_each(
    model: Model, patcher: Patcher, patches: Sequence[Patch], ids: Tensor, mask: Tensor
) -> Iterator[tuple[int, Tensor]]:
    """The index of each patch, the first one first, with what the model's head takes under it.

    This is [batch, tokens, width]. ids [batch, tokens] and mask as in a model's `logits`.
    """
    yield from _walk(model, patcher, list(enumerate(patches)), 0, model.begin(ids, mask))


def _walk(
    model: Model, patcher: Patcher, numbered: Sequence[tuple[int, Patch]], block: int, stream: Any
) -> Iterator[tuple[int, Tensor]]:
    """The same under patches that agree in all blocks before `block`, where `stream` is."""
    if block == model.n_blocks:
        hidden = model.hidden(stream)
        for index, _ in numbered:
            yield index, hidden
        return
    groups: dict[str, list[tuple[int, Patch]]] = {}
    for index, patch in numbered:
        alike = canonical_json(slices_in(patch, block))
        groups.setdefault(alike, []).append((index, patch))
    for group in groups.values():
        with patcher.applied(slices_in(group[0][1], block)):
            after = model.block(block, stream)
        yield from _walk(model, patcher, group, block + 1, after)
