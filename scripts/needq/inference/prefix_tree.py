"""Work shared between interventions: blocks that several have in common are computed once.

Interventions that agree in their first blocks form a tree over blocks. A block computed by itself
gives the same bits as within the whole, so each node of the tree is computed once: 402 blocks
instead of 732 for the cumulative sweep of 12 blocks and 5 noise seeds.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from needq.common.files import canonical_json
from needq.inference.backend import Model
from needq.inference.patcher import Patcher, Recipe


def logits_under_each(
    model: Model, patcher: Patcher, recipes: Sequence[Recipe], ids: Tensor, mask: Tensor
) -> Iterator[tuple[int, Tensor]]:
    """The index of each recipe with the logits [batch, tokens, vocabulary] under it, in any order.

    ids [batch, tokens] and mask as in a model's `logits`.
    """
    yield from _walk(model, patcher, list(enumerate(recipes)), 0, model.begin(ids, mask))


def _walk(
    model: Model,
    patcher: Patcher,
    members: Sequence[tuple[int, Recipe]],
    block: int,
    stream: Any,
) -> Iterator[tuple[int, Tensor]]:
    """The logits of recipes that agree in all blocks before `block`, `stream` being after those."""
    if block == model.blocks:
        logits = model.end(stream)
        for index, _ in members:
            yield index, logits
        return
    groups: dict[str, list[tuple[int, Recipe]]] = {}
    for member in members:
        groups.setdefault(canonical_json(_slices(member[1], block)), []).append(member)
    for group in groups.values():
        with patcher.applied({"slices": _slices(group[0][1], block)}):
            after = model.block(block, stream)
        yield from _walk(model, patcher, group, block + 1, after)


def _slices(recipe: Recipe, block: int) -> list[dict[str, Any]]:
    """What a recipe replaces in one block."""
    return [part for part in recipe["slices"] if part["block"] == block]
