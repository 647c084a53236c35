"""What is refused before the first job, where a model folder is at hand."""

import shutil

import pytest
import torch
from folders import edit, save_tensors, tensors_of
from needq.backup import early
from needq.backup.early import check_early
from needq.common.errors import UserError
from needq.common.settings import ModelSource
from small import config_of


@pytest.fixture
def folder(small, tmp_path):
    return shutil.copytree(small.source, tmp_path / "copy")


def test_a_right_folder_passes(folder, small):
    assert check_early(config_of(folder)).name == small.architecture.name


def test_wrong_tensors_are_refused(folder):
    model = config_of(folder)
    save_tensors(folder, tensors_of(folder) | {"a.weight_scale": torch.ones(1)})
    with pytest.raises(UserError, match=r"not known: a.weight_scale \(scales of quantised weights"):
        check_early(model)


def test_without_safetensors_only_config_json_is_read(folder, monkeypatch):
    model = config_of(folder)
    save_tensors(folder, {"x": torch.ones(1)})
    monkeypatch.setattr(early, "find_spec", lambda name: None)
    check_early(model)
    edit(folder, quantization_config={"quant_method": "fp8"})
    with pytest.raises(UserError, match="sets quantization_config"):
        check_early(model)


def test_other_sources_are_left_to_the_job():
    for source, location in (("hub", "a/b"), ("wheel", "a==1"), ("gguf", "nowhere.gguf")):
        assert check_early(ModelSource(source=source, location=location, n_blocks=1)) is None
