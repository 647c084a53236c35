"""The weights of a model folder: which safetensors files hold them, and what these files hold.

Only the headers are read before the tensors are known to be the right ones. Pickles are never
opened.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from needq.backup.source_files import read_object, require_file
from needq.common.errors import UserError
from needq.common.sources import PICKLES

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
LARGEST_INDEX = 100_000_000  # bytes


class Stored(NamedTuple):
    """A tensor as a file holds it."""

    shape: tuple[int, ...]
    dtype: str  # as the file names it: F32, BF16, Q4_1
    file: Path


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Every tensor of a model folder by its name; UserError if one cannot be trusted."""
    files, index = weight_files(folder)
    tensors: dict[str, Stored] = {}
    for file in files:
        for name, stored in _header(file):
            if name in tensors:
                raise UserError(f"model: {tensors[name].file} and {file} both hold {name}")
            if index and index.get(name) != file.name:
                raise UserError(f"model: {folder / INDEX} does not say that {file} holds {name}")
            tensors[name] = stored
    for name, at in index.items():
        if name not in tensors:
            raise UserError(f"model: {folder / at} does not hold {name}, as {INDEX} says")
    return tensors


def read_tensor(name: str, stored: Stored) -> np.ndarray:
    """A tensor as float32."""
    import torch  # numpy has no bfloat16

    with safe_open(stored.file, framework="pt") as weights:
        return weights.get_tensor(name).to(torch.float32).numpy()


def weight_files(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """The safetensors files of a folder, and its index: which file holds which tensor, if it says.

    All of them are used. A file that would not be is refused, since nobody knows which is meant.
    """
    present = sorted(file.name for file in folder.glob("*.safetensors"))
    if not present:
        raise UserError(_no_weights(folder))
    index = _index(folder) if (folder / INDEX).exists() else {}
    used = sorted(set(index.values())) if index else _without_index(folder, present)
    for name in present:
        if name not in used:
            raise UserError(
                f"model: {folder} holds {name} besides {used[0]}; which one is meant? Move the "
                "other one out of the folder"
            )
    return [folder / name for name in used], index


def _no_weights(folder: Path) -> str:
    pickles = sorted(file.name for file in folder.iterdir() if file.name.endswith(PICKLES))
    if pickles:
        return (
            f"model: {folder} holds its weights as a pickle only ({pickles[0]}), which can run "
            "code; save it again as safetensors"
        )
    return f"model: {folder} has no *.safetensors file"


def _without_index(folder: Path, present: list[str]) -> list[str]:
    """The one file, or all the shards that belong together by their names."""
    if SINGLE in present:
        return [SINGLE]
    shards = [name for name in present if SHARD.fullmatch(name)]
    if not shards:
        if len(present) == 1:
            return present
        raise UserError(f"model: {folder} has no {SINGLE}, and no {INDEX} to say what is meant")
    number = int(SHARD.fullmatch(shards[0])[2])  # type: ignore[index]
    wanted = [f"model-{shard:05}-of-{number:05}.safetensors" for shard in range(1, number + 1)]
    for name in wanted:
        if name not in present:
            raise UserError(f"model: {folder} has no {name}, a shard of its weights")
    return wanted


def _index(folder: Path) -> dict[str, str]:
    """The index of the shards: each tensor's file, a safetensors file of this folder."""
    file = folder / INDEX
    pairs = read_object(file, LARGEST_INDEX).get("weight_map")
    if not isinstance(pairs, dict):
        raise UserError(f"model: {file} is not an index of safetensors files")
    if not pairs:
        raise UserError(f"model: {file} names no tensor")
    for name, at in pairs.items():
        if not isinstance(at, str) or not at.endswith(".safetensors") or Path(at).name != at:
            raise UserError(
                f"model: {file} says that {name} is in {at}; only safetensors files of the same "
                "folder are opened"
            )
    return pairs


def _header(file: Path) -> Iterator[tuple[str, Stored]]:
    """What a safetensors file says that it holds. Its size is checked against that."""
    require_file(file)
    try:
        with safe_open(file, framework="numpy") as weights:
            for name in sorted(weights.keys()):
                part = weights.get_slice(name)
                yield name, Stored(tuple(part.get_shape()), part.get_dtype(), file)
    except (SafetensorError, OSError) as error:
        raise UserError(f"model: {file} is damaged or cut short ({error})") from None
