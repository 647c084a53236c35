"""A model as somebody else wrote it: a folder with safetensors, or a GGUF file.

Both say the same of themselves: what config.json says, which tensors there are, and what
transformers' own loader makes of them.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from needq.backup import checkpoint, gguf_file
from needq.backup.architectures import find_architecture
from needq.backup.checkpoint import INDEX, SINGLE, Stored
from needq.backup.layout import Architecture
from needq.backup.model_config import checked, computed_with, read_model_config
from needq.backup.source_files import read_object, require_file
from needq.backup.tokenizer import load_tokenizer
from needq.common.errors import UserError
from needq.common.files import ModelConfig, write_json

# files that say that the weights beside them are not the whole model
REFUSED_FILES = {
    "adapter_config.json": "an adapter (LoRA) that is not merged; merge it first",
    "hf_quant_config.json": "its weights are quantised; save the dequantised model",
}
TOKENIZER_FILES = ("added_tokens.json", "tokenizer_config.json")  # which may add tokens
LARGEST = 10_000_000  # bytes of one of them


class Original(Protocol):
    """What the backup asks of a model's own files."""

    config: ModelConfig  # every key that the files give
    architecture: Architecture
    stored: Mapping[str, Stored]  # the tensors by their names

    def read(self, name: str) -> np.ndarray:
        """A tensor as float32."""

    def write_tokenizer(self, file: Path) -> None:
        """Write the tokenizer's tokenizer.json."""

    def load(self, scratch: Path) -> Any:
        """The model as transformers' own loader has it, in float32; `scratch` is an empty folder.

        Of config.json it sees what the architecture computes with, and nothing that would choose
        code, kernels or another format of weights.
        """


class FolderModel:
    """A folder as save_pretrained leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "config.json").exists():
            raise UserError(_no_config(folder))
        self.config = read_model_config(folder / "config.json")
        self.architecture = find_architecture(self.config)
        if not (folder / "tokenizer.json").exists():
            raise UserError(
                f"model: {folder} has no tokenizer.json; transformers writes it: "
                "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
            )
        for name, reason in REFUSED_FILES.items():
            if (folder / name).exists():
                raise UserError(f"model: {folder} has {name}: {reason}")
        self.stored: Mapping[str, Stored] = checkpoint.stored_tensors(folder)

    def read(self, name: str) -> np.ndarray:
        """A tensor as float32."""
        return checkpoint.read_tensor(name, self.stored[name])

    def write_tokenizer(self, file: Path) -> None:
        """Copy tokenizer.json, byte for byte; UserError if it cannot be read."""
        source = self.folder / "tokenizer.json"
        require_file(source)
        known = load_tokenizer(source).get_vocab(with_added_tokens=True)
        for token in _added_elsewhere(self.folder):
            if token not in known:
                raise UserError(
                    f"model: {self.folder} adds the token {token!r} in another file than "
                    "tokenizer.json; save the tokenizer again with transformers"
                )
        shutil.copyfile(source, file)

    def load(self, scratch: Path) -> Any:
        """The model as transformers' own loader has it, from links to the folder's files."""
        used = checked(self.config)
        kind = {key: used[key] for key in ("architectures", "model_type")}
        write_json(scratch / "config.json", {**computed_with(self.config), **kind})
        files = {stored.file for stored in self.stored.values()}
        for file in files:
            os.symlink(file.resolve(), scratch / (SINGLE if len(files) == 1 else file.name))
        if len(files) > 1:
            index = {name: stored.file.name for name, stored in self.stored.items()}
            (scratch / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": index}))
        return load_transformers(scratch)


class GGUFModel:
    """A GGUF file of llama.cpp."""

    def __init__(self, file: Path) -> None:
        self.gguf = gguf_file.read_gguf(file)
        self.config = self.gguf.config
        self.architecture = find_architecture(self.config)
        self.tensors = gguf_file.named_tensors(self.gguf, self.architecture)
        self.stored: Mapping[str, Stored] = {
            name: gguf_file.stored(self.gguf, tensor) for name, tensor in self.tensors.items()
        }

    def read(self, name: str) -> np.ndarray:
        """A tensor as float32, dequantised."""
        return gguf_file.read_tensor(name, self.tensors[name], self.architecture)

    def write_tokenizer(self, file: Path) -> None:
        """Write the file's tokenizer as tokenizer.json."""
        gguf_file.write_tokenizer(self.gguf, file)

    def load(self, scratch: Path) -> Any:
        """The model as transformers reads the same GGUF."""
        from transformers import GgufConfig

        os.symlink(self.gguf.file.resolve(), scratch / "model.gguf")
        # otherwise transformers keeps the weights in quantised blocks
        unpacked = GgufConfig(dequantize=True)
        return load_transformers(scratch, gguf_file="model.gguf", quantization_config=unpacked)


def _added_elsewhere(folder: Path) -> list[str]:
    """The tokens that the files beside tokenizer.json add, as transformers reads them."""
    added, config = (
        read_object(folder / name, LARGEST) if (folder / name).exists() else {}
        for name in TOKENIZER_FILES
    )
    decoder = config.get("added_tokens_decoder")
    values = decoder.values() if isinstance(decoder, dict) else []
    return [*added, *(str(value.get("content")) for value in values if isinstance(value, dict))]


def load_transformers(folder: Path, **own: Any) -> Any:
    """transformers' model of a folder, in float32, without its code and without a network."""
    import torch
    import transformers

    from needq.backup.compiler import without_compiler
    from needq.backup.model_classes import AutoModelForCausalLM

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with without_compiler():
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            attn_implementation="eager",
            experts_implementation="eager",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            **own,
        )


def _no_config(folder: Path) -> str:
    gguf = sorted(file.name for file in folder.glob("*.gguf"))
    if gguf:
        return (
            f"model: {folder} holds {gguf[0]} and no config.json; for a GGUF file, give source: "
            "gguf and the path of the file"
        )
    return f"model: {folder} has no config.json; is it a model folder?"
