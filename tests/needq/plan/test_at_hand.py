"""What is found at hand: files that are there, can be opened, and agree with the config."""

import pytest
from default_config import overlaid, with_changes
from needq.common.settings import ModelSource
from needq.plan.at_hand import model_files
from needq.plan.config import read_config
from planning import refusal


def test_files_of_a_model(tmp_path):
    kept = ["config.json", "model.safetensors", "tokenizer.json", "vocab.json"]
    for name in [*kept, "README.md", "train.py", "pytorch_model.bin"]:
        (tmp_path / name).touch()
    found = model_files(ModelSource(location=str(tmp_path), n_blocks=1))
    assert found == [str(tmp_path / name) for name in kept]
    assert model_files(ModelSource(source="hub", location="owner/name", n_blocks=1)) == []
    assert model_files(ModelSource(source="gguf", location="a.gguf", n_blocks=1)) == ["a.gguf"]


PATHS = ["model.location", "evaluation.text", "tasks.grammar", "tasks.cloze"]


@pytest.mark.parametrize("key", PATHS)
@pytest.mark.parametrize("character", [*"{}<>`", "\0", "\n", "\x1b", "\x85", "\u2028", "\u2029"])
def test_a_path_that_the_report_cannot_carry_is_refused(key, character):
    line = refusal(with_changes((key, f"a{character}b")))
    assert line.startswith(f"config: {key}: ")
    assert f"holds the character {character!r}" in line


@pytest.mark.parametrize("path", [" x", "x ", "\u00a0x"])
def test_a_path_has_no_space_at_its_ends(path):
    assert "begins or ends with a space" in refusal(with_changes(("evaluation.text", path)))


def test_a_gguf_file_is_a_source(tmp_path):
    (tmp_path / "a.gguf").touch()
    model = {"source": "gguf", "location": str(tmp_path / "a.gguf"), "digests": []}
    assert read_config(overlaid({"model": model})).model.location.endswith("a.gguf")
    (tmp_path / "folder.gguf").mkdir()
    model["location"] = str(tmp_path / "folder.gguf")
    assert "model.location: there is no file" in refusal(overlaid({"model": model}))


def test_a_file_of_the_model_that_snakemake_would_take_for_a_pattern_is_named(tmp_path):
    for name in ("config.json", "model.safetensors", "tokenizer{x}.json"):
        (tmp_path / name).touch()
    line = refusal(with_changes(("model.location", str(tmp_path))))
    assert "model.location: its file 'tokenizer{x}.json' holds the character '{'" in line
