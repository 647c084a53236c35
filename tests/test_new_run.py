"""scripts/new_run.py, as a user starts it: the file that it writes, and what it says."""

import runpy
import sys

import pytest
import yaml
from default_config import ROOT
from gguf_files import write_gguf
from needq.plan import new_run
from needq.plan.config_file import check_files

SCRIPT = ROOT / "scripts/new_run.py"


@pytest.fixture
def start(tmp_path, monkeypatch, capsys):
    """A function that starts the script in an empty folder: what it prints, or its last word."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def start(*arguments):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as error:
            return error.code
        return capsys.readouterr().out

    return start


def read(file):
    """The config of a file that was written, as Snakemake reads it."""
    check_files([file])
    return new_run.read_overlay(file.read_text(encoding="utf-8"), ROOT)


def test_the_bundled_model(start, tmp_path):
    said = start(ROOT / "resources/pocket-gpt2")
    config = read(tmp_path / "pocket-gpt2-new.yaml")
    assert config.run == "pocket-gpt2-new"
    assert config.model.n_blocks == 12
    assert config.generation.begin == config.evaluation.begin == "<|endoftext|>"
    assert config.evaluation.text.endswith("stories.txt")
    assert "estimate of a whole run, within a factor of two: about " in said
    assert "snakemake --configfile pocket-gpt2-new.yaml --cores all" in said


def test_a_llama_in_a_folder_and_in_a_gguf_file(start, tmp_path, llama):
    start(llama.source, "--output", "one.yaml")
    write_gguf(tmp_path / "small.gguf", llama.source)
    said = start("small.gguf")
    one, two = read(tmp_path / "one.yaml"), read(tmp_path / "small.yaml")
    assert (one.run, two.run) == ("one", "small")
    assert one.model.n_blocks == two.model.n_blocks == 4
    assert one.generation == two.generation
    assert one.sweeps == two.sweeps
    assert one.sweeps["with_bias"].run == "off"
    assert [digest.file for digest in two.model.digests] == ["small.gguf"]
    assert "estimate of a whole run" in said


def test_little_memory_makes_small_batches(start, tmp_path, llama):
    start(llama.source, "--output", "little.yaml", "--memory", "0.001")
    assert read(tmp_path / "little.yaml").divergence.backends["cpu"].batch == 1


def test_a_hub_without_a_network(start, tmp_path):
    said = start("owner/name")
    values = yaml.safe_load((tmp_path / "name.yaml").read_text())
    assert values["model"]["location"] == "owner/name"
    assert "the hub did not answer" in said
    assert "fill in model.revision, model.n_blocks and the begin and end tokens" in said
    assert "estimate" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere is no folder, no .gguf file, no wheel"),
        (["nowhere.gguf"], "nowhere.gguf cannot be opened (No such file or directory)"),
        (["empty"], "empty has no config.json; is it a model folder?"),
        (["pickle"], "pickle holds its weights as a pickle only"),
        ([ROOT / "resources/pocket-gpt2", "--output", "x.txt"], "x.txt does not end in .yaml"),
        ([ROOT / "resources/pocket-gpt2", "--output", "a.yaml"], "a.yaml exists; move it"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(start, tmp_path, llama, arguments, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "pickle").mkdir()
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / "pickle" / name).write_bytes((llama.source / name).read_bytes())
    (tmp_path / "pickle/pytorch_model.bin").write_bytes(b"")
    (tmp_path / "a.yaml").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    said = start(*arguments)
    assert said.startswith("needq: error: ")
    assert "\n" not in said
    assert words in said
    assert sorted(tmp_path.rglob("*")) == before


def test_the_help_says_what_it_takes(capsys):
    with pytest.raises(SystemExit) as ended:
        new_run.asked(["--help"])
    assert ended.value.code == 0
    words = " ".join(capsys.readouterr().out.split())
    assert words.startswith("usage: new_run.py [-h] [--output FILE] [--memory GB] MODEL")
    assert "Nothing is run." in words
