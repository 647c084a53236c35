"""The loader of tokenizer.json: the file's own ids, and one line for what is not one."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_tokenizers import KINDS, made_up_strings, made_up_tokenizer
from needq.backup import tokenizer as module
from needq.backup.originals import FolderModel
from needq.backup.tokenizer import load_tokenizer
from needq.common.errors import UserError
from tokenizers import Tokenizer

POCKET = Path(__file__).parents[3] / "resources/pocket-gpt2/tokenizer.json"
VALUES = json.loads(POCKET.read_text(encoding="utf-8"))
TEXT = "Once upon a time there was a little fox."
PADDING = {
    "strategy": {"Fixed": 30},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "<|endoftext|>",
}
TRUNCATION = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}


def changed(**changes):
    """The bundled tokenizer.json with some of its parts replaced."""
    return json.dumps(VALUES | changes)


def model(**changes):
    return changed(model=VALUES["model"] | changes)


@pytest.fixture
def file(tmp_path):
    """A function that writes a tokenizer.json."""

    def write(content):
        path = tmp_path / "tokenizer.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        changed(padding=PADDING),
        changed(truncation=TRUNCATION),
        changed(padding=PADDING, truncation=TRUNCATION),
        model(dropout=0.5),
    ],
    ids=["padding", "truncation", "both", "dropout"],
)
def test_settings_of_calls_and_trainings_are_off(file, content):
    wanted = Tokenizer.from_file(str(POCKET)).encode(TEXT, add_special_tokens=False).ids
    tokenizer = load_tokenizer(file(content))
    for _ in range(5):
        assert tokenizer.encode(TEXT, add_special_tokens=False).ids == wanted


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"version": ',
        "\ufeff" + changed(),
        changed()[:-100],
        b"\xff\xfe" + changed().encode("utf-16-le"),
        changed(model={"type": "FromTheFuture"}),
        changed(normalizer={"type": "FromTheFuture"}),
        changed(pre_tokenizer={"type": "FromTheFuture"}),
        changed(decoder={"type": "FromTheFuture"}),
        changed(post_processor={"type": "FromTheFuture"}),
        changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(("}}),
        changed(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),  # a panic
        changed(model={"type": "Unigram", "vocab": [], "unk_id": 7}),
        model(merges=[["zz", "qq"]]),
        model(vocab={"a": 2**32}),
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 5\n",
    ],
)
def test_what_is_no_tokenizer_is_one_line(file, content, capfd):
    with pytest.raises(UserError) as error:
        load_tokenizer(file(content))
    line = str(error.value)
    version = tokenizers.__version__
    assert line.startswith(f"{file(content)}: is not a tokenizer.json that tokenizers {version} ")
    assert len(line) < 500
    assert capfd.readouterr() == ("", "")


def test_what_is_no_file_is_one_line(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("none", "", "fifo", "loop"):
        with pytest.raises(UserError, match=r"there is no such file$"):
            load_tokenizer(tmp_path / name)
    monkeypatch.setattr(module, "LARGEST", 9)
    (tmp_path / "large").write_bytes(b"0123456789")
    with pytest.raises(UserError, match=r"can read \(it has 10 bytes, and 9 are the most\)$"):
        load_tokenizer(tmp_path / "large")


@pytest.fixture(scope="module")
def folder(gpt2, tmp_path_factory):
    """A model folder, whose tokenizer.json is replaced."""
    return shutil.copytree(gpt2.source, tmp_path_factory.mktemp("model") / "folder")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1))
def test_ids_and_texts_are_those_of_the_original_file(folder, kind, seed):
    """Before the backup and after it."""
    rng = random.Random(seed)
    original, copied = folder / "tokenizer.json", folder.parent / "tokenizer.json"
    original.write_text(made_up_tokenizer(kind, rng), encoding="utf-8")
    FolderModel(folder).write_tokenizer(copied)
    assert copied.read_bytes() == original.read_bytes()

    wanted = Tokenizer.from_file(str(original))
    wanted.no_padding()
    wanted.no_truncation()
    loaded = load_tokenizer(copied)
    for text in made_up_strings(rng, 200):
        ids = wanted.encode(text, add_special_tokens=False).ids
        assert loaded.encode(text, add_special_tokens=False).ids == ids
        for skipped in (True, False):
            assert loaded.decode(ids, skip_special_tokens=skipped) == wanted.decode(
                ids, skip_special_tokens=skipped
            )


def test_made_up_tokenizers_have_what_the_property_is_about():
    files = [
        json.loads(made_up_tokenizer(kind, random.Random(n))) for n in range(40) for kind in KINDS
    ]
    for part in (
        "normalizer",
        "pre_tokenizer",
        "post_processor",
        "decoder",
        "padding",
        "truncation",
    ):
        assert 0 < sum(values[part] is None for values in files) < len(files)
    assert {values["model"]["type"] for values in files} == {
        "BPE",
        "WordPiece",
        "Unigram",
        "WordLevel",
    }
