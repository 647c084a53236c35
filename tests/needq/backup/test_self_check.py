"""The self-check: a backup that computes something else than the original is noticed."""

import shutil

import pytest
import torch
from folders import edit, save_tensors, tensors_of
from needq.backup.originals import FolderModel
from needq.backup.self_check import BOUND, self_check
from needq.common.errors import UserError


@pytest.fixture
def backup(small, tmp_path):
    return shutil.copytree(small.backup, tmp_path / "backup")


@pytest.fixture
def check(small, backup, tmp_path):
    def run():
        (tmp_path / "scratch").mkdir()
        return self_check(backup, FolderModel(small.source), tmp_path / "scratch")

    return run


def test_a_right_backup_has_no_error(check):
    found = check()
    assert found["relative_error"] == 0
    assert found["bound"] == BOUND
    assert found["tokens"] == 64  # a token per byte, up to the context of the small models


def test_a_weight_that_was_changed_is_noticed(backup, check):
    tensors = tensors_of(backup)
    name = next(name for name in tensors if "q_proj" in name or "c_attn.weight" in name)
    tensors[name][0, 0] += 0.5
    save_tensors(backup, tensors)
    with pytest.raises(UserError, match="computes other logits than the original"):
        check()


def test_a_setting_that_was_changed_is_noticed(small, backup, check):
    key = "layer_norm_epsilon" if "gpt2" in str(small.source) else "rms_norm_eps"
    edit(backup, **{key: 0.1})
    with pytest.raises(UserError, match=f"allowed {BOUND:.0e}"):
        check()


def test_logits_that_are_not_numbers_are_noticed(backup, check):
    tensors = tensors_of(backup)
    name = next(name for name in tensors if "embed" in name or "wte" in name)
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    save_tensors(backup, tensors)
    with pytest.raises(UserError, match="relative error nan"):
        check()


def test_what_transformers_cannot_load_is_one_line(backup, check):
    (backup / "config.json").write_text('{"model_type": "gpt2", "n_embd": "x"}')
    with pytest.raises(UserError, match="transformers cannot load it") as error:
        check()
    assert "\n" not in str(error.value)
