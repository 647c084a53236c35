"""The gate: every tensor of a model's files is one that the model computes with, or is refused.

A loader that takes what it knows and leaves the rest drops the scales of quantised weights, biases
that config.json does not announce, further blocks, or an adapter: the model is then another one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from needq.backup.buffers import is_buffer
from needq.backup.checkpoint import Stored
from needq.backup.layout import Architecture
from needq.common.errors import UserError

# what becomes float32 without a scale; float64 is rounded, and the manifest says so
FLOATS = ("F64", "F32", "BF16", "F16")
WRAPPERS = ("_orig_mod.", "module.", "base_model.model.")
# parts of names that tell what somebody forgot
HINTS = (
    (re.compile(r"lora_|\.base_layer\."), "an adapter (LoRA) that is not merged; merge it first"),
    (
        re.compile(
            r"scale|SCB|absmax|quant_map|quant_state|weight_format|qweight|qzeros|g_idx|zero_point"
        ),
        "scales of quantised weights; save the dequantised model",
    ),
)


class Admitted(NamedTuple):
    """The tensors that a model computes with: their names in its files, by their own names."""

    names: dict[str, str]
    left_out: list[str]  # buffers that are computed again, and the copy of a tied embedding


def admit(architecture: Architecture, stored: Mapping[str, Stored]) -> Admitted:
    """Match the tensors in a model's files with those that its architecture computes with.

    Raises UserError, by name, for a tensor that is missing, unknown, of another shape, or not
    stored as floating-point numbers.
    """
    wanted = architecture.shapes()
    names: dict[str, str] = {}
    left_out: list[str] = []
    unknown: list[str] = []
    for name in stored:
        own = name if name in wanted else f"{architecture.prefix}{name}"
        if own in wanted:
            if own in names:
                raise UserError(f"model: its files hold {own} twice: as {names[own]} and as {name}")
            names[own] = name
        elif is_buffer(architecture, name):
            left_out.append(name)
        elif name == architecture.head and architecture.tied:
            _require(name, stored[name], wanted[architecture.embedding])
            left_out.append(name)
        else:
            unknown.append(name)
    for name in unknown[:1]:
        raise UserError(_unknown(unknown, name))
    for own in wanted:
        if own not in names:
            raise UserError(f"model: its files have no tensor {own}")
    for own, name in names.items():
        _require(name, stored[name], wanted[own])
    return Admitted(names, sorted(left_out))


def _unknown(names: Sequence[str], first: str) -> str:
    for prefix in WRAPPERS:
        if first.startswith(prefix):
            return (
                f"model: the names of its tensors begin with {prefix}, as those of a model that "
                "is wrapped for training do; save the model inside"
            )
    more = len(names) - 3
    shown = ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
    reason = "config.json does not announce them"
    for pattern, hint in HINTS:
        if any(pattern.search(name) for name in names):
            reason = hint
    return f"model: its files hold tensors that are not known: {shown} ({reason})"


def _require(name: str, stored: Stored, shape: tuple[int, ...]) -> None:
    if stored.dtype not in FLOATS and not stored.file.name.endswith(".gguf"):
        raise UserError(
            f"model: the tensor {name} is stored as {stored.dtype}; {', '.join(FLOATS)} can be "
            "read. Save the model in one of them"
        )
    if stored.shape != shape:
        raise UserError(
            f"model: the tensor {name} has the shape {list(stored.shape)}, not {list(shape)} as "
            "its config.json says"
        )
