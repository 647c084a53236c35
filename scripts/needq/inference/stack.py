"""Stacks: interventions that pass through a model together, each in rows of its own.

Interventions differ in a few slices; everything else is the same product. So the rows of many of
them make one batch: each block's shared products are computed once, and the outputs that an
intervention replaces are computed again for its own rows.

A prompt passes through the model block by block. Interventions that agree in their first blocks
have the same rows there, which are computed once.

In exact arithmetic a stack changes no bit. In native arithmetic a product's last bits may depend on
how many rows there are. So a stack is always the same there: a sweep's steps under one noise seed,
whatever else a job computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from needq.common.backends import Backend
from needq.common.files import canonical_json
from needq.corrupt.patches import Patch, SlicePatch
from needq.inference.backend import Model, batches
from needq.inference.patcher import Patcher

# What the keys and values of a stack take at most. In native arithmetic, bits may depend on it.
STACK_BYTES = 1 << 30
PARTS_OF_GPU = 16  # of its memory: an exact stack may take one, or STACK_BYTES if that is more
PRISTINE = Patch("", "", None, 0, None, [])


class Level(NamedTuple):
    """The different prefixes of a stack's interventions up to one block."""

    slices: list[list[SlicePatch]]  # what each of them replaces in this block
    parents: list[int]  # which prefix of the level before each of them continues
    of_patch: list[int]  # which of them each intervention has


def stacks(
    model: Model, patches: Sequence[Patch], backend: Backend, rows: int, tokens: int
) -> Iterator[Sequence[Patch]]:
    """Patches as they pass through the model together: in order, and none twice.

    Under each of them there are so many rows, of so many tokens. Their keys and values take
    `stack_bytes` at most.
    """
    each = tokens * model.bytes_per_token() * min(rows, backend.batch)
    most = max(1, stack_bytes(model) // each) if backend.stack else 1
    if model.exact:
        yield from batches(patches, most)
    else:
        for _, steps in groupby(patches, lambda patch: (patch.sweep, patch.noise_seed)):
            yield from batches(list(steps), most)


def stack_bytes(model: Model) -> int:
    """What the keys and values of a stack of this model take at most.

    A GPU takes about as long for a few rows as for hundreds, so there a large stack saves time.
    """
    if not model.exact or model.device.type != "cuda":
        return STACK_BYTES
    memory: int = torch.cuda.get_device_properties(model.device).total_memory
    return max(STACK_BYTES, memory // PARTS_OF_GPU)


def levels(patches: Sequence[Patch], n_blocks: int) -> list[Level]:
    """The different prefixes of patches, block by block."""
    made: list[Level] = []
    before = [0] * len(patches)
    for block in range(n_blocks):
        level, numbers = Level([], [], []), dict[tuple[int, str], int]()
        for patch, parent in zip(patches, before, strict=True):
            own = slices_in(patch, block)
            prefix = (parent, canonical_json(own))
            if prefix not in numbers:
                numbers[prefix] = len(numbers)
                level.slices.append(own)
                level.parents.append(parent)
            level.of_patch.append(numbers[prefix])
        before = level.of_patch
        made.append(level)
    return made


def slices_in(patch: Patch, block: int) -> list[SlicePatch]:
    """What a patch replaces in one block."""
    return [part for part in patch.slices if part["block"] == block]


def unpatched(model: Model) -> Stack:
    """A model under no intervention."""
    return Stack(model, Patcher(model, Path(), {}), [PRISTINE])


class Stack:
    """A model under several patches at once.

    A batch has the same rows under each patch: those under the first patch, then those under the
    second, and so on.
    """

    def __init__(self, model: Model, patcher: Patcher, patches: Sequence[Patch]) -> None:
        self.model, self.patcher, self.patches = model, patcher, patches
        self.levels = levels(patches, model.n_blocks)

    def applied(self, rows: int) -> AbstractContextManager[None]:
        """The model with each patch applied to its `rows` rows of a batch."""
        return self.patcher.stacked([patch.slices for patch in self.patches], rows)

    @torch.inference_mode()
    def start(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Any]:
        """The last logits [patches * rows, 1, vocabulary] after prompts, and the cache.

        ids [rows, tokens] and mask as in a model's `logits`.
        """
        rows, model = len(ids), self.model
        if len(self.patches) == 1:
            with self.applied(rows):
                return model.logits(ids, None, mask, last=True)
        stream = model.begin(ids, mask, keep=True)
        for block, level in enumerate(self.levels):
            stream = stream.rows(self._index(level.parents, rows))
            with self.patcher.stacked(level.slices, rows):
                stream = model.block(block, stream)
        chosen = [self._index(level.of_patch, rows) for level in self.levels]
        stream = stream.rows(chosen[-1])
        logits = model.head(model.hidden(stream)[:, -1:])
        return logits, model.cache(stream, chosen)

    def _index(self, numbers: Sequence[int], rows: int) -> Tensor:
        """The rows of a batch that has `rows` rows for each number."""
        first = torch.tensor(numbers)[:, None] * rows
        return (first + torch.arange(rows)).flatten().to(self.model.device)
