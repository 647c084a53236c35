"""Model folders, changed as whoever saved them might have."""

import json

from needq.common.files import read_json
from safetensors.torch import load_file, save_file


def edit(folder, **changes):
    """Change keys of a folder's config.json; None removes a key."""
    config = read_json(folder / "config.json") | changes
    kept = {key: value for key, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))


def tensors_of(folder):
    """The tensors of a folder's one safetensors file."""
    return load_file(folder / "model.safetensors")


def save_tensors(folder, tensors, name="model.safetensors"):
    """Write a safetensors file of a folder."""
    contiguous = {key: tensor.contiguous() for key, tensor in tensors.items()}
    save_file(contiguous, folder / name, metadata={"format": "pt"})


def shard(folder, number=3, index=True):
    """Cut a folder's one safetensors file into shards: their names."""
    tensors = tensors_of(folder)
    names = sorted(tensors)
    files = [f"model-{part + 1:05}-of-{number:05}.safetensors" for part in range(number)]
    where = {name: files[place % number] for place, name in enumerate(names)}
    for file in files:
        save_tensors(folder, {n: t for n, t in tensors.items() if where[n] == file}, file)
    (folder / "model.safetensors").unlink()
    if index:
        write_index(folder, where)
    return files


def write_index(folder, where):
    """Write the index of the shards."""
    content = {"metadata": {"total_size": 0}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
