"""A model as somebody else wrote it: nothing of it reaches transformers that could choose code."""

import json

import pytest
from folders import edit, shard
from needq.backup.originals import FolderModel
from needq.common.errors import UserError


@pytest.fixture
def folder(gpt2, tmp_path):
    import shutil

    return shutil.copytree(gpt2.source, tmp_path / "copy")


def test_transformers_never_sees_what_chooses_kernels(folder, tmp_path, monkeypatch):
    import transformers

    kinds = ("attn_implementation", "_attn_implementation_internal", "experts_implementation")
    edit(folder, **dict.fromkeys(kinds, "evil/kernels"))
    seen = []
    load = transformers.AutoModelForCausalLM.from_pretrained

    def watch(path, **settings):
        seen.append(((path / "config.json").read_text(), settings))
        return load(path, **settings)

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", watch)
    (tmp_path / "scratch").mkdir()
    FolderModel(folder).load(tmp_path / "scratch")
    ((text, settings),) = seen
    assert "evil" not in text
    assert settings["trust_remote_code"] is False
    assert settings["use_safetensors"] is True


@pytest.mark.parametrize("index", [True, False])
def test_transformers_loads_shards_as_they_are(folder, tmp_path, index, gpt2):
    import torch

    shard(folder, index=index)
    (tmp_path / "scratch").mkdir()
    model = FolderModel(folder).load(tmp_path / "scratch")
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, torch.from_numpy(gpt2.tensors[name])), name


def test_a_folder_of_a_gguf_is_told_from_one_of_safetensors(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    with pytest.raises(UserError, match=r"holds x.gguf and no config.json; .* source: gguf"):
        FolderModel(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"has no {name}"):
        FolderModel(folder)


def test_a_tokenizer_is_copied_byte_for_byte(folder, tmp_path):
    content = (folder / "tokenizer.json").read_bytes() + b"   \n\n"
    (folder / "tokenizer.json").write_bytes(content)
    FolderModel(folder).write_tokenizer(tmp_path / "copy.json")
    assert (tmp_path / "copy.json").read_bytes() == content


@pytest.mark.parametrize("name", ["adapter_config.json", "hf_quant_config.json"])
def test_a_file_that_says_that_the_weights_are_not_all_is_refused(folder, name):
    (folder / name).write_text("{}")
    with pytest.raises(UserError, match=f"has {name}: "):
        FolderModel(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("added_tokens.json", {"<tool>": 257}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"257": {"content": "<tool>"}}}),
    ],
)
def test_tokens_that_another_file_adds_are_refused(folder, tmp_path, name, content):
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(UserError, match="adds the token '<tool>' in another file"):
        FolderModel(folder).write_tokenizer(tmp_path / "copy.json")
    (folder / name).write_text(json.dumps(content).replace("<tool>", "<|endoftext|>"))
    FolderModel(folder).write_tokenizer(tmp_path / "copy.json")
