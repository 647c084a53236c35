"""What is found at hand: files that are there, can be opened, and agree with the config."""

import bz2
import os
import shutil
import struct
from pathlib import Path

import pytest
from default_config import DEFAULT, overlaid, with_changes
from needq.common.settings import ModelSource
from needq.plan import at_hand
from needq.plan.at_hand import backup_memory, document_bytes, line_bytes, model_files, sizes_at_hand
from needq.plan.config import read_config
from needq.plan.sizes import read_sizes
from planning import of_blocks, read, refusal


def test_files_of_a_model(tmp_path):
    kept = ["config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.json"]
    for name in [*kept, "README.md", "train.py", "pytorch_model.bin", "vocab.json"]:
        (tmp_path / name).touch()
    found = model_files(ModelSource(location=str(tmp_path), n_blocks=1))
    assert found == [str(tmp_path / name) for name in kept]
    assert model_files(ModelSource(source="hub", location="owner/name", n_blocks=1)) == []
    assert model_files(ModelSource(source="gguf", location="a.gguf", n_blocks=1)) == ["a.gguf"]


PATHS = [
    "model.location",
    "evaluation.text",
    "evaluation.ngram_text",
    "tasks.grammar",
    "tasks.cloze",
]


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
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    model = {"source": "gguf", "location": str(tmp_path / "a.gguf"), "digests": []}
    assert read_config(overlaid({"model": model})).model.location.endswith("a.gguf")
    (tmp_path / "a.gguf").write_text("version https://git-lfs.github.com/spec/v1")
    assert "a.gguf is no GGUF file: it does not begin with" in refusal(overlaid({"model": model}))
    (tmp_path / "folder.gguf").mkdir()
    model["location"] = str(tmp_path / "folder.gguf")
    assert "model.location: there is no file" in refusal(overlaid({"model": model}))


@pytest.fixture
def folder(tmp_path):
    """A copy of the bundled model's folder, which tests damage."""
    return Path(shutil.copytree("resources/pocket-gpt2", tmp_path / "model"))


def refused(folder, *changes):
    """The line by which a config that names the folder is refused."""
    return refusal(with_changes(("model.location", str(folder)), *changes))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_without_a_file_is_named(folder, name):
    (folder / name).unlink()
    missing = name if name.endswith(".json") else "*.safetensors file"
    assert (
        refused(folder)
        == f"config: model.location: {folder} has no {missing}; is it a model folder?"
    )


def test_what_a_folder_holds_instead_of_weights_is_named(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "its weights as a pickle only (pytorch_model.bin), which can run" in refused(folder)
    (folder / "a.gguf").touch()
    assert "holds a.gguf; give source gguf and the path of that file" in refused(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_of_the_model_that_is_none_is_named(folder, name):
    (folder / name).unlink()
    for make in (os.mkfifo, os.mkdir, lambda file: os.symlink("nowhere", file)):
        make(folder / name)
        assert f"model.location: there is no file {folder / name}" in refused(folder)
        (folder / name).rmdir() if (folder / name).is_dir() else (folder / name).unlink()


TEXTS = ["evaluation.text", "evaluation.ngram_text", "tasks.grammar", "tasks.cloze"]


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_that_is_none_is_named(tmp_path, key):
    file = tmp_path / "text.jsonl"
    for content, words in ((b"caf\xe9", "is not UTF-8; save it"), (b"ab\xe2\x82", "is not UTF-8"),
                           (b"\xff\xfea\0", "is not UTF-8"), (b" \n\n", "holds no text"),
                           (b"", "holds no text")):  # fmt: skip
        file.write_bytes(content)
        assert f"config: {key}: {file} {words}" in refusal(with_changes((key, str(file))))
    file.unlink()
    os.mkfifo(file)  # opening it would wait
    assert f"config: {key}: there is no file {file}" in refusal(with_changes((key, str(file))))


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_that_may_not_be_read_is_named(tmp_path, monkeypatch, key):
    file = tmp_path / "text.jsonl"
    file.write_text("a")
    may = os.access  # root may read everything
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(file) and may(path, mode))
    assert f"config: {key}: the file {file} may not be" in refusal(with_changes((key, str(file))))


def test_a_folder_of_the_grammar_task_is_read_file_by_file(tmp_path):
    change = ("tasks.grammar", str(tmp_path))
    assert f"tasks.grammar: there is no file {tmp_path}" in refusal(with_changes(change))
    (tmp_path / "a.jsonl").write_text("{}")
    assert read(change)
    (tmp_path / "b.jsonl").write_bytes(b"\xe9")
    assert f"tasks.grammar: {tmp_path}/b.jsonl is not UTF-8" in refusal(with_changes(change))


def test_a_file_of_the_model_that_snakemake_would_take_for_a_pattern_is_named(tmp_path):
    for name in ("config.json", "model{x}.safetensors", "tokenizer.json"):
        (tmp_path / name).touch()
    line = refusal(with_changes(("model.location", str(tmp_path))))
    assert "model.location: its file 'model{x}.safetensors' holds the character '{'" in line


@pytest.mark.parametrize("key", PATHS)
def test_an_input_is_never_among_the_results_of_its_own_run(key):
    """Snakemake would call that a cycle."""
    line = refusal(with_changes((key, "results/pocket-gpt2/backup/tokens.json")))
    assert line.startswith(f"config: {key}: ")
    assert "is among the results of this run; give it another name (run)" in line


def test_a_folder_that_may_not_be_listed_is_named(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    may = os.access  # root may read everything
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(folder) and may(path, mode))
    monkeypatch.setattr(os, "listdir", refuse)
    assert f"config: model.location: the folder {folder} may not be read" in refused(folder)


@pytest.mark.parametrize("kind", ["qwen2", "gemma3", "bert"])
def test_a_gguf_of_another_architecture_is_refused_by_name(kind, tmp_path):
    file = tmp_path / "a.gguf"
    key, value = b"general.architecture", kind.encode()
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(key)) + key
    file.write_bytes(head + struct.pack("<IQ", 8, len(value)) + value)
    model = {"source": "gguf", "location": str(file), "n_blocks": 2}
    assert f"is a GGUF of the architecture {kind}; GGUF files of llama can be read" in refusal(
        with_changes(("model", model))
    )


def test_the_memory_of_a_backup_follows_the_model(tmp_path):
    """2.5 MB per MB of float32 were measured with files in bfloat16, and 400 MB besides."""
    weights, gguf = tmp_path / "model.safetensors", tmp_path / "model.gguf"
    for size, folder_mb, gguf_mb in ((1, 4000, 4000), (513, 4078, 13312), (2200, 14200, 53800)):
        for file in (weights, gguf):
            file.touch()
            os.truncate(file, size * 2**20)
        folder = ModelSource(location=str(tmp_path), n_blocks=1)
        assert backup_memory(folder) == folder_mb
        assert backup_memory(ModelSource(source="gguf", location=str(gguf), n_blocks=1)) == gguf_mb
    assert backup_memory(ModelSource(source="hub", location="a/b", n_blocks=1)) == 4000


def test_documents_are_those_that_are_scored():
    file = "resources/texts/stories.txt"
    found = document_bytes(file)
    text = Path(file).read_text(encoding="utf-8")
    assert [len(part.replace("\n", "").encode()) for part in text.strip().split("\n\n")] == found


@pytest.mark.parametrize(
    ("text", "sizes"),
    [("a", [1]), ("a\nbc\n\n\n \t\nd\n", [3, 1]), ("\n\n  \nä", [2]), ("a\n\n", [1])],
)
def test_blank_lines_end_documents(tmp_path, text, sizes):
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    assert document_bytes(str(tmp_path / "text.txt")) == sizes


def test_the_mean_line_of_a_file_and_of_a_folder(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"abc\n\nabcde\n")
    (tmp_path / "b.jsonl").write_bytes(b"a\n")
    assert line_bytes(str(tmp_path / "a.jsonl")) == 4
    assert line_bytes(str(tmp_path)) == 4


def test_sizes_at_hand_are_the_source_s_or_the_backup_s(tmp_path, monkeypatch):
    pocket = read()
    assert sizes_at_hand(pocket) == read_sizes("resources/pocket-gpt2")
    config = Path("resources/pocket-gpt2/config.json").absolute()
    hub = read(of_blocks(12))
    monkeypatch.chdir(tmp_path)
    assert sizes_at_hand(hub) is None
    backup = tmp_path / "results" / hub.run / "backup"
    backup.mkdir(parents=True)
    shutil.copy(config, backup)
    assert sizes_at_hand(hub) == read_sizes(str(backup))


def test_a_text_for_n_grams_may_be_packed(tmp_path):
    file = tmp_path / "corpus.bz2"
    key = "evaluation.ngram_text"
    assert f"{key}: there is no file {file}" in refusal(with_changes((key, str(file))))
    file.write_bytes(bz2.compress(b"one\ntwo\n"))  # no UTF-8, and none is asked for
    assert read_config(with_changes((key, str(file)))).evaluation.ngram_text == str(file)
    own = f"results/{DEFAULT['run']}/text.txt"
    assert f"{key}: {own} is among the results" in refusal(with_changes((key, own)))


def test_how_long_a_packed_text_is_about():
    path = DEFAULT["evaluation"]["ngram_text"]
    size = len(bz2.decompress(Path(path).read_bytes()))
    assert at_hand.unpacked_bytes(path) == pytest.approx(size, rel=0.25)
    assert at_hand.unpacked_bytes(DEFAULT["evaluation"]["text"]) == 70_758
