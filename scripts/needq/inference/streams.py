"""The residual stream before the first block and after each block, under each intervention."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module

from needq.common.files import canonical_json
from needq.corrupt.patches import Patch
from needq.inference.backend import batches
from needq.inference.native import NativeModel, NativeStream
from needq.inference.padding import padded
from needq.inference.patcher import Patcher
from needq.inference.stack import slices_in

Streams = list[NativeStream]  # of each batch of documents


@torch.inference_mode()
def each_stream(
    model: NativeModel,
    patcher: Patcher,
    patches: Sequence[Patch],
    documents: Sequence[Sequence[int]],
    batch: int,
) -> Iterator[tuple[list[int], int, np.ndarray]]:
    """Each different stream once: the indices of its patches, its layer, and its values.

    Layer 0 is before the first block, and layer n after n blocks. The values are float32 (tokens of
    all documents one after the other, width). Patches that agree in all blocks so far share them.
    """
    begun = [model.begin(*padded(part)) for part in batches(documents, batch)]
    masks = [stream.real for stream in begun]
    numbered = list(enumerate(patches))
    embedded = [before_first_block(model, stream) for stream in begun]
    yield [index for index, _ in numbered], 0, _flat(embedded, masks)
    yield from _walk(model, patcher, numbered, 0, begun)


def _walk(
    model: NativeModel,
    patcher: Patcher,
    numbered: Sequence[tuple[int, Patch]],
    block: int,
    streams: Streams,
) -> Iterator[tuple[list[int], int, np.ndarray]]:
    """The same under patches that agree in all blocks before `block`, where `streams` are."""
    if block == model.n_blocks:
        return
    groups: dict[str, list[tuple[int, Patch]]] = {}
    for index, patch in numbered:
        alike = canonical_json(slices_in(patch, block))
        groups.setdefault(alike, []).append((index, patch))
    for group in groups.values():
        with patcher.applied(slices_in(group[0][1], block)):
            after = [model.block(block, stream) for stream in streams]
        values = [stream.x for stream in after if stream.x is not None]
        masks = [stream.real for stream in after]
        yield [index for index, _ in group], block + 1, _flat(values, masks)
        yield from _walk(model, patcher, group, block + 1, after)


def before_first_block(model: NativeModel, stream: NativeStream) -> Tensor:
    """What the first block reads [batch, tokens, width]: embeddings of tokens, and of positions."""
    seen: list[Tensor] = []

    def see(_: Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0])

    hook = model.first_block.register_forward_pre_hook(see)
    try:
        model.block(0, stream)
    finally:
        hook.remove()
    return seen[0]


def _flat(values: Sequence[Tensor], masks: Sequence[Tensor]) -> np.ndarray:
    """The values of the real tokens of all batches, one after the other."""
    kept = [of_batch[mask] for of_batch, mask in zip(values, masks, strict=True)]
    return torch.cat(kept).float().cpu().numpy()
