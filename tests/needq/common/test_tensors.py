"""Tensors in files: what was written is read, and weights are those of the manifest."""

import numpy as np
import pytest
from needq.common.errors import UserError
from needq.common.tensors import (
    check_weights,
    opened_tensors,
    read_tensors,
    read_weights,
    write_tensors,
)

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(1)}


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "new" / "t.safetensors"
    write_tensors(file, TENSORS)
    assert [path.name for path in file.parent.iterdir()] == ["t.safetensors"]
    found = read_tensors(file)
    assert sorted(found) == ["a", "b"]
    with opened_tensors(file) as one, opened_tensors(file, "pt") as other:
        for name, tensor in TENSORS.items():
            for back in (found[name], one.get_tensor(name), other.get_tensor(name).numpy()):
                assert back.dtype == tensor.dtype
                np.testing.assert_array_equal(back, tensor)


def test_a_missing_file_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none")


def test_weights_are_those_that_were_backed_up(small, tmp_path):
    for name in ("model.safetensors", "manifest.json"):
        (tmp_path / name).write_bytes((small.backup / name).read_bytes())
    file = tmp_path / "model.safetensors"
    check_weights(file)
    assert sorted(read_weights(file)) == sorted(small.tensors)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # a bit of a number: nothing but a digest tells
    file.write_bytes(content)
    assert sorted(read_tensors(file)) == sorted(small.tensors)
    for read in (check_weights, read_weights):
        with pytest.raises(UserError) as error:
            read(file)
        assert str(error.value) == (
            f"{file}: is damaged or cut short (its sha256 is not the one in manifest.json); "
            "delete it and run again"
        )


def test_others_may_read_what_is_written(tmp_path, small):
    """safetensors lets its owner alone read a file, whatever the umask."""
    write_tensors(tmp_path / "a.safetensors", {"a": np.ones(1)})
    (tmp_path / "plain").touch()
    for file in (tmp_path / "a.safetensors", small.backup / "model.safetensors"):
        assert file.stat().st_mode == (tmp_path / "plain").stat().st_mode
