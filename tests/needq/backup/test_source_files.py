"""Files that cannot be opened, or must not be."""

import os

import pytest
from needq.backup.source_files import read_text, require_file
from needq.common.errors import UserError
from process_state import as_nobody


def make_pipe(path):
    os.mkfifo(path)


def make_loop(path):
    path.symlink_to(path)


def make_pointer(path):
    """What a clone without Git LFS has: nanoGPT#325."""
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 5\n")


KINDS = {
    "nothing": (lambda path: None, "cannot be opened (No such file or directory)"),
    "folder": (lambda path: path.mkdir(), "is not an ordinary file"),
    "pipe": (make_pipe, "is not an ordinary file"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "cannot be opened"),
    "looping link": (make_loop, "cannot be opened (Too many levels of symbolic links)"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is not an ordinary file"),
    "Git LFS pointer": (make_pointer, "is a Git LFS pointer, not the file: "),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused_for_what_it_is(tmp_path, kind):
    make, message = KINDS[kind]
    make(tmp_path / "file")
    with pytest.raises(UserError) as error:
        require_file(tmp_path / "file")
    assert f"model: {tmp_path / 'file'} {message}" in str(error.value)


def test_a_file_without_permission_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0)
    with as_nobody(), pytest.raises(UserError, match="Permission denied"):
        require_file(file)


def test_text_is_read_if_it_is_utf_8_and_not_too_long(tmp_path):
    file = tmp_path / "file"
    file.write_text("é", encoding="utf-8")
    assert read_text(file, 2) == "é"
    with pytest.raises(UserError, match="has more than 1 bytes"):
        read_text(file, 1)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not UTF-8"):
        read_text(file, 10)
