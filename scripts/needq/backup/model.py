"""Backup: pristine weights from any source as float32 safetensors, with a digest per tensor."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from needq.backup.buffers import is_as_computed
from needq.backup.gate import Admitted, admit
from needq.backup.model_config import checked, left_out
from needq.backup.originals import FolderModel, GGUFModel, Original
from needq.backup.self_check import self_check
from needq.backup.source_files import require_file
from needq.backup.sources import fetch
from needq.common.errors import UserError
from needq.common.files import file_sha256, sha256, write_json
from needq.common.rows import Manifest, SelfCheck, TensorRecord
from needq.common.settings import ModelSource
from needq.common.tensors import write_tensors

FILES = ("config.json", "model.safetensors", "tokenizer.json")

Tensors = Mapping[str, np.ndarray]


def back_up(model: ModelSource, target: Path) -> None:
    """Fetch the config's `model` and write its FILES and `manifest.json` into `target`.

    Raises UserError for a missing source, a wrong digest, files that are damaged or unsafe, another
    number of blocks than the config says, tensors that are not those of a supported architecture
    (`needq.backup.gate`), or a backup that computes something else than the original.
    """
    with _scratch(target.with_name(".partial-backup")) as scratch:
        folder, gguf = fetch(model, scratch)
        for digest in model.digests:
            _check_digest(folder, digest.file, digest.sha256)
        original: Original = FolderModel(folder) if gguf is None else GGUFModel(folder / gguf)
        n_blocks = original.architecture.n_blocks
        if n_blocks != model.n_blocks:
            raise UserError(
                f"config: model.n_blocks: says {model.n_blocks}, "
                f"but {model.location} has {n_blocks}"
            )
        admitted = admit(original.architecture, original.stored)
        saved, loaded = scratch / "saved", scratch / "original"
        saved.mkdir()
        loaded.mkdir()
        original.write_tokenizer(saved / "tokenizer.json")
        write_json(saved / "config.json", {**checked(original.config), "dtype": "float32"})
        tensors = _read(original, admitted)
        write_tensors(saved / "model.safetensors", tensors, {"format": "pt"})
        check = self_check(saved, original, loaded)
        manifest = _describe(model, original, admitted, tensors, check, saved)
        target.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            os.replace(saved / name, target / name)
        write_json(target / "manifest.json", manifest)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """An empty folder, removed afterwards. What a killed process left in it is removed first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_digest(folder: Path, name: str, wanted: str) -> None:
    file = folder / name
    if not file.exists():
        raise UserError(f"config: model.digests: the model has no file {name}")
    require_file(file)
    digest = file_sha256(file)
    if digest != wanted:
        raise UserError(
            f"model: {name} has the sha256 {digest}, not the {wanted} of config model.digests; "
            "it is not the file that was meant"
        )


def _read(original: Original, admitted: Admitted) -> Tensors:
    """Every tensor that the model computes with, as float32, by its own name."""
    tensors = {own: original.read(name) for own, name in sorted(admitted.names.items())}
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise UserError(f"model: the tensor {name} holds values that are not finite in float32")
    for name in admitted.left_out:
        _check_left_out(original, name, tensors)
    return tensors


def _check_left_out(original: Original, name: str, tensors: Tensors) -> None:
    """UserError for a tensor that is left out, but is not what the model computes without it."""
    architecture, values = original.architecture, original.read(name)
    head = architecture.head
    if name == head and not np.array_equal(values, tensors[architecture.embedding]):
        raise UserError(
            f"model: its files hold {head}, which differs from {architecture.embedding}, although "
            "its config.json ties them (tie_word_embeddings)"
        )
    if name != head and not is_as_computed(architecture, name, values):
        raise UserError(
            f"model: its files hold {name} with other values than its config.json leads to, so the "
            "model was trained with a change that config.json does not say"
        )


def _describe(
    model: ModelSource,
    original: Original,
    admitted: Admitted,
    tensors: Tensors,
    check: SelfCheck,
    saved: Path,
) -> Manifest:
    """The manifest of a backup: its source, sizes, and the digest of every tensor."""
    architecture = original.architecture
    records: list[TensorRecord] = [
        {
            "name": name,
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype),
            "stored": original.stored[admitted.names[name]].dtype,
            "sha256": sha256(np.ascontiguousarray(tensor).data),
        }
        for name, tensor in tensors.items()
    ]
    return {
        "source": model.model_dump(include={"source", "location", "revision"}),
        "architecture": architecture.name,
        "n_blocks": architecture.n_blocks,
        "heads": architecture.heads,
        "key_value_heads": architecture.key_value_heads,
        "head_width": architecture.head_width,
        "width": architecture.width,
        "context": architecture.context,
        "vocabulary": architecture.vocabulary,
        "files": {name: file_sha256(saved / name) for name in FILES},
        "left_out_keys": left_out(original.config),
        "left_out_tensors": admitted.left_out,
        "self_check": check,
        "tensors": records,
    }
