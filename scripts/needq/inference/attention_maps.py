"""Attention maps: the weights of every head on the words of one sentence."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from needq.common.attention import WORDS
from needq.common.keys import ALL_BLOCKS, PRISTINE
from needq.inference.attention import Watched

Tensors = Mapping[str, np.ndarray]


@torch.inference_mode()
def attention_maps(
    watched: Watched, tensors: Tensors, noise: Tensors, sentence: Sequence[int]
) -> dict[str, np.ndarray]:
    """The weights of each head, pristine and with W_Q of all blocks replaced by `noise`.

    `tensors` are the pristine ones. `sentence` are token ids, of which the first WORDS are taken.
    Each array is (blocks, heads, query, key), float32, by PRISTINE and ALL_BLOCKS.
    """
    ids = torch.tensor([list(sentence[:WORDS])])
    maps = {}
    for name in (PRISTINE, ALL_BLOCKS):
        stream, weights = watched.model.begin(ids, torch.ones_like(ids, dtype=torch.bool)), []
        for block in range(watched.architecture.n_blocks):
            new = [(watched.architecture.matrix("q", block), noise[f"{block}.weight"])]
            with watched.replaced(tensors, new if name == ALL_BLOCKS else []):
                stream, own = watched.block(block, stream)
            weights.append(own[0].float().cpu().numpy())
        maps[name] = np.stack(weights)
    return maps
