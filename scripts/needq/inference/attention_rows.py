"""Attention of the pristine model and under each noise, as rows: one per head."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from needq.common.keys import ALL_BLOCKS, ONE_BLOCK, PRISTINE, WITHOUT_NOISE, noise_parts
from needq.common.rows import AttentionRow
from needq.inference.attention import Watched, measure, queries

Tensors = Mapping[str, np.ndarray]


@torch.inference_mode()
def attention_rows(
    watched: Watched,
    tensors: Tensors,
    noises: Iterable[tuple[str, Tensors]],
    ids: Tensor,
    mask: Tensor,
) -> Iterator[AttentionRow]:
    """The attention of each head: pristine, then with W_Q of all blocks and of its block replaced.

    `noises` are stored noises of W_Q by their names; `tensors` are the pristine ones. `ids` and
    `mask` [batch, tokens] are the documents that attention is measured on.
    """
    chosen, n_blocks = queries(mask), watched.architecture.n_blocks
    streams, stream = [], watched.model.begin(ids, mask)
    for block in range(n_blocks):
        streams.append(stream)
        stream, weights = watched.block(block, stream)
        yield from _rows(PRISTINE, PRISTINE, None, block, weights, chosen)
    for name, noise in noises:
        _, method, seed = noise_parts(name)
        drawn = None if method in WITHOUT_NOISE else seed
        stream = streams[0]
        for block in range(n_blocks):
            new = [(watched.architecture.matrix("q", block), noise[f"{block}.weight"])]
            with watched.replaced(tensors, new):
                _, alone = watched.block(block, streams[block])
                stream, together = watched.block(block, stream)
            yield from _rows(method, ONE_BLOCK, drawn, block, alone, chosen)
            yield from _rows(method, ALL_BLOCKS, drawn, block, together, chosen)


def _rows(
    method: str, replaced: str, seed: int | None, block: int, weights: Tensor, chosen: Tensor
) -> Iterator[AttentionRow]:
    """A row per head of one block, from its attention weights."""
    measured = measure(weights, chosen)
    for head in range(len(measured.entropy)):
        yield {
            "method": method,
            "replaced": replaced,
            "noise_seed": seed,
            "block": block,
            "head": head,
            "score_spread": float(measured.score_spread[head]),
            "entropy": float(measured.entropy[head]),
            "self": float(measured.self[head]),
            "previous": float(measured.previous[head]),
            "first": float(measured.first[head]),
        }
