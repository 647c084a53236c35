"""Buffers: tensors that old files carry beside the weights, and that a model computes again.

They are left out, but only if they hold what the model computes: some models keep a change in them
that their config.json does not say, for example positions that are closer together.
"""

import re

import numpy as np

from needq.backup.layout import Architecture


def is_buffer(architecture: Architecture, name: str) -> bool:
    """Whether a tensor of this name, with or without the model's prefix, is one of its buffers."""
    match = _match(architecture, name)
    return match is not None and (match[1] is None or int(match[1]) < architecture.n_blocks)


def _match(architecture: Architecture, name: str) -> re.Match[str] | None:
    """The name as that of a mask or of rotary frequencies; the group is the block."""
    blocks = f"{re.escape(architecture.blocks)}([0-9]+)"
    patterns = []
    if architecture.masked:
        patterns.append(rf"{blocks}\.{re.escape(architecture.masked)}\.(?:bias|masked_bias)")
    if architecture.turned:
        whole = re.escape(architecture.prefix)
        in_block = rf"{blocks}\.{re.escape(architecture.turned)}\."
        patterns.append(rf"(?:{in_block}|{whole})rotary_emb\.inv_freq")
    for own in (name, f"{architecture.prefix}{name}"):
        for pattern in patterns:
            match = re.fullmatch(pattern, own)
            if match:
                return match
    return None


def is_as_computed(architecture: Architecture, name: str, values: np.ndarray) -> bool:
    """Whether a buffer, as float32, holds what the model computes."""
    if name.endswith("inv_freq"):
        rope = architecture.keys["rope_parameters"]
        turned = int(architecture.head_width * rope.get("partial_rotary_factor", 1.0))
        wanted = rope["rope_theta"] ** -(np.arange(0, turned, 2) / turned)
        # within the rounding of bfloat16; what scales them is in config.json
        return values.shape == wanted.shape and np.allclose(values, wanted, rtol=2**-7)
    if name.endswith("masked_bias"):
        return values.size == 1 and float(values.max()) <= -1e4
    size = values.shape[-1] if values.ndim else 0
    if values.size != size * size:
        return False
    match = _match(architecture, name)
    window = architecture.window(int(match[1])) if match else None
    causal = np.tril(np.ones((size, size), np.float32))
    seen = causal if window is None else causal - np.tril(causal, -window)
    return np.array_equal(values.reshape(size, size), seen)
