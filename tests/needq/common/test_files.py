"""Files: whole or not at all."""

import hashlib
import json
import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.common.errors import UserError
from needq.common.files import (
    canonical_json,
    file_sha256,
    read_json,
    read_text,
    sha256,
    temporary,
    write_bytes,
    write_json,
    write_text,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_a_file_appears_whole_under_its_name(tmp_path):
    target = tmp_path / "new" / "table.tsv"
    with temporary(target) as partial:
        assert partial.parent == target.parent
        assert partial.suffix == ".tsv"
        partial.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_nothing_behind(tmp_path, error):
    with pytest.raises(error), temporary(tmp_path / "file") as partial:
        partial.write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(ValueError, match="stop"), temporary(tmp_path / "file") as partial:
        partial.write_text("half")
        raise ValueError("stop")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_block_that_writes_nothing_fails(tmp_path):
    with pytest.raises(FileNotFoundError), temporary(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_read(tmp_path):
    write_text(tmp_path / "text", "é\n")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xa9\n"
    write_bytes(tmp_path / "bytes", b"\x00\xff")
    assert file_sha256(tmp_path / "bytes") == hashlib.sha256(b"\x00\xff").hexdigest()
    write_json(tmp_path / "json", {"é": [1, None, 0.1]})
    assert read_json(tmp_path / "json") == {"é": [1, None, 0.1]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "nan", math.nan)
    assert not (tmp_path / "nan").exists()


def test_a_users_text_is_read_as_editors_leave_it(tmp_path):
    path = tmp_path / "text"
    for content in (b"a\n\xc3\xa9", b"\xef\xbb\xbfa\r\n\xc3\xa9", b"a\r\xc3\xa9"):
        path.write_bytes(content)
        assert read_text(path) == "a\né"


def test_what_is_no_text_is_one_line(tmp_path):
    path = tmp_path / "text"
    for content, message in ((b"\xff", "is not UTF-8"), (b"a\0", "holds the character NUL")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"^{path}: {message}"):
            read_text(path)
        with pytest.raises(UserError, match=f"^config: evaluation.text: {path}: {message}"):
            read_text(path, "evaluation.text")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, message in {
        "": "is not a file",
        "pipe": "is not a file",
        "none": r"cannot be read \(No such file or directory\)",
        "loop": r"cannot be read \(Too many levels of symbolic links\)",
        "n" * 300: r"cannot be read \(File name too long\)",
        "a\0": r"cannot be read \(embedded null byte\)",
    }.items():
        with pytest.raises(UserError, match=f": {message}$"):
            read_text(tmp_path / name)


def test_known_digest():
    assert sha256(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223")
    assert sha256(memoryview(b"abc")) == sha256(b"abc")


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_canonical_json_is_one_spelling_that_reads_back(value):
    text = canonical_json(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


def test_canonical_json_by_hand():
    assert canonical_json({"b": 1, "a": ["é", None]}) == '{"a":["\\u00e9",null],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([math.inf])
