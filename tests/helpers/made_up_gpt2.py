"""A GPT-2 whose weights are fractions of small integers, so the same on every machine."""

import numpy as np
from needq.backup.architectures import find_architecture


def made_up(blocks=3, width=16):
    """Its architecture, and its attention weights and biases by name."""
    config = {"architectures": ["GPT2LMHeadModel"], "n_layer": blocks, "n_embd": width}
    architecture = find_architecture(config | {"n_head": 2, "n_positions": 8, "vocab_size": 9})
    tensors = {}
    for block in range(blocks):
        count = width * 3 * width
        weight = ((np.arange(count) * (7919 + block)) % 1009 - 504) / 1024
        name = f"transformer.h.{block}.attn.c_attn"
        tensors[f"{name}.weight"] = weight.astype(np.float32).reshape(width, -1)
        tensors[f"{name}.bias"] = (np.arange(3 * width) / 64).astype(np.float32)
    return architecture, tensors
