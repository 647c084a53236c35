"""Which files hold the weights, and that no other file is opened."""

import json
import os
import shutil

import pytest
import torch
from folders import save_tensors, shard, tensors_of, write_index
from needq.backup.checkpoint import INDEX, read_tensor, stored_tensors
from needq.common.errors import UserError


@pytest.fixture
def folder(gpt2, tmp_path):
    return shutil.copytree(gpt2.source, tmp_path / "copy")


def refused(folder):
    with pytest.raises(UserError) as error:
        stored_tensors(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


class Bomb:
    """A pickle that leaves a file where it is opened."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return (open, (self.file, "w"))


def test_a_single_file(folder):
    stored = stored_tensors(folder)
    tensors = tensors_of(folder)
    assert stored.keys() == tensors.keys()
    for name, (shape, dtype, file) in stored.items():
        assert (shape, dtype) == (tuple(tensors[name].shape), "F32")
        assert file == folder / "model.safetensors"
        assert torch.equal(torch.from_numpy(read_tensor(name, stored[name])), tensors[name])


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_a_tensor_is_read_as_float32_to_the_bit(folder, dtype):
    tensors = {n: t.to(getattr(torch, dtype)) for n, t in tensors_of(folder).items()}
    save_tensors(folder, tensors)
    for name, stored in stored_tensors(folder).items():
        assert torch.equal(torch.from_numpy(read_tensor(name, stored)), tensors[name].float())


@pytest.mark.parametrize("index", [True, False])
def test_shards_with_and_without_an_index(folder, index):
    tensors = tensors_of(folder)
    files = shard(folder, index=index)
    stored = stored_tensors(folder)
    assert stored.keys() == tensors.keys()
    assert {tensor.file.name for tensor in stored.values()} == set(files)


@pytest.mark.parametrize("index", [True, False])
def test_a_missing_shard_is_refused_by_name(folder, index):
    files = shard(folder, index=index)
    (folder / files[1]).unlink()
    assert files[1] in refused(folder)


def test_shards_of_two_models_are_refused(folder):
    shard(folder, index=False)
    shutil.copy(
        folder / "model-00001-of-00003.safetensors", folder / "model-00002-of-00002.safetensors"
    )
    assert "model-00002-of-00002.safetensors" in refused(folder)


def test_a_stale_file_beside_shards_is_refused(folder):
    old = tensors_of(folder)
    shard(folder)
    save_tensors(folder, {name: tensor / 2 for name, tensor in old.items()})
    assert "holds model.safetensors besides model-00001-of-00003.safetensors" in refused(folder)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "model.fp16.safetensors"])
def test_a_second_file_is_refused(folder, name):
    save_tensors(folder, {"x": torch.ones(1)}, name)
    assert f"holds {name} besides model.safetensors; which one is meant?" in refused(folder)


def test_a_tensor_in_two_shards_is_refused(folder):
    files = shard(folder, index=False)
    extra = {"transformer.wte.weight": torch.ones(2)}
    from safetensors.torch import load_file

    for file in files:
        save_tensors(folder, load_file(folder / file) | extra, file)
    assert "both hold transformer.wte.weight" in refused(folder)


def test_an_index_that_disagrees_with_the_files_is_refused(folder):
    shard(folder)
    index = json.loads((folder / INDEX).read_text())["weight_map"]
    name = "transformer.wte.weight"
    other = next(file for file in index.values() if file != index[name])
    write_index(folder, index | {name: other})
    assert f"does not say that {folder / index[name]} holds {name}" in refused(folder)
    write_index(folder, {key: file for key, file in index.items() if key != name})
    assert f"holds {name}" in refused(folder)
    write_index(folder, index | {"further": other})
    assert "does not hold further" in refused(folder)


PLACES = {
    "pickle": "pytorch_model.bin",
    "torch": "model.pt",
    "above": "../model.safetensors",
    "absolute": "/tmp/model.safetensors",
    "below": "sub/model.safetensors",
    "number": 3,
    "none": None,
    "list": ["model.safetensors"],
}


@pytest.mark.parametrize("place", PLACES)
def test_an_index_never_makes_another_file_be_opened(folder, place, tmp_path):
    """transformers loads what the index names, pickles too."""
    write_index(folder, {name: PLACES[place] for name in tensors_of(folder)})
    torch.save({"weight": Bomb(tmp_path / "exploded")}, folder / "pytorch_model.bin")
    assert "only safetensors files of the same folder are opened" in refused(folder)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"weight_map": []}',
        '{"weight_map": null}',
        "[" * 100_000,
        "1" * 9999,
    ],
    ids=lambda text: text[:20],
)
def test_an_index_that_is_none_is_refused(folder, text):
    (folder / INDEX).write_text(text)
    line = refused(folder)
    assert str(folder / INDEX) in line
    assert "is not an index" in line or "JSON" in line


def test_an_empty_index_is_refused(folder):
    write_index(folder, {})
    assert "names no tensor" in refused(folder)


def test_a_pickle_only_model_is_refused_unopened(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Bomb(tmp_path / "exploded")}, folder / "pytorch_model.bin")
    assert "pickle only (pytorch_model.bin)" in refused(folder)
    (folder / "pytorch_model.bin").unlink()
    assert "has no *.safetensors file" in refused(folder)
    assert not (tmp_path / "exploded").exists()


DAMAGE = {
    "cut": lambda content: content[:-100],
    "cut in the header": lambda content: content[:50],
    "empty": lambda content: b"",
    "garbage": lambda content: b"x" * 99,
    "longer": lambda content: content + b"x",
    "header of 2^60": lambda content: (2**60).to_bytes(8, "little") + content[8:],
    "a pickle": lambda content: b"\x80\x04K\x01.",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_by_name(folder, damage):
    file = folder / "model.safetensors"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert f"{file} is damaged or cut short" in refused(folder)


def test_a_pipe_in_place_of_weights_is_refused_at_once(folder):
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    assert "is not an ordinary file" in refused(folder)
