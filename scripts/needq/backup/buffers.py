"""Buffers: tensors that old files carry beside the weights, and that a model computes again.

They are left out, but only if they hold what the model computes: some models keep a change in them
that their config.json does not say, for example positions that are closer together.
"""

import re

import numpy as np

from needq.backup.architectures import Architecture, Llama

# of GPT-2 and Llama; the group is the block
MASK = re.compile(r"transformer\.h\.([0-9]+)\.attn\.(?:bias|masked_bias)")
FREQUENCIES = re.compile(r"model\.(?:layers\.([0-9]+)\.self_attn\.)?rotary_emb\.inv_freq")


def is_buffer(architecture: Architecture, name: str) -> bool:
    """Whether a tensor of this name, with or without the model's prefix, is one of its buffers."""
    pattern = FREQUENCIES if isinstance(architecture, Llama) else MASK
    for own in (name, f"{architecture.prefix}{name}"):
        match = pattern.fullmatch(own)
        if match:
            return match[1] is None or int(match[1]) < architecture.n_blocks
    return False


def is_as_computed(architecture: Architecture, name: str, values: np.ndarray) -> bool:
    """Whether a buffer, as float32, holds what the model computes."""
    if isinstance(architecture, Llama):
        exponents = np.arange(0, architecture.head_width, 2) / architecture.head_width
        wanted = architecture.rope_theta**-exponents
        # within the rounding of bfloat16; what scales them is in config.json
        return values.shape == wanted.shape and np.allclose(values, wanted, rtol=2**-7)
    if name.endswith("masked_bias"):
        return values.size == 1 and float(values.max()) <= -1e4
    size = values.shape[-1] if values.ndim else 0
    causal = np.tril(np.ones((size, size), np.float32))
    return values.size == causal.size and np.array_equal(values.reshape(size, size), causal)
