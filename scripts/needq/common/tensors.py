"""safetensors files that an earlier job wrote: read whole or not at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from needq.common.files import damaged, file_sha256, read_made, reading, temporary
from needq.common.rows import Manifest


def write_tensors(
    path: str | Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors in one step."""
    with temporary(path) as partial:
        save_file(dict(tensors), partial, metadata=metadata)


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a file. UserError if it is damaged."""
    with reading(path, SafetensorError):
        return load_file(path)


@contextmanager
def opened_tensors(path: str | Path, framework: str = "numpy") -> Iterator[Any]:
    """A file whose tensors are read one by one, as arrays of a framework."""
    with reading(path, SafetensorError), safe_open(path, framework=framework) as tensors:
        yield tensors


def check_weights(path: str | Path) -> None:
    """UserError if the backup's model.safetensors is not the one in the manifest beside it."""
    path = Path(path)
    manifest = read_made(path.with_name("manifest.json"), Manifest)
    if file_sha256(path) != manifest["files"].get(path.name):
        raise damaged(path, "its sha256 is not the one in manifest.json")


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of the backup's model.safetensors. UserError if they are not those of then."""
    check_weights(path)
    return read_tensors(path)
