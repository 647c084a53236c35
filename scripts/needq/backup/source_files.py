"""The files that a model is made of, opened with care: whoever made them may have made anything."""

import os
import stat
from pathlib import Path

from needq.common.errors import UserError

LFS_POINTER = b"version https://git-lfs"


def require_file(file: Path) -> None:
    """UserError unless this is an ordinary file that can be read, and not a Git LFS pointer.

    It is never opened before its kind is known, since opening a named pipe waits for a writer.
    """
    try:
        mode = os.stat(file).st_mode
    except OSError as error:
        raise UserError(f"model: {file} cannot be opened ({error.strerror})") from None
    if not stat.S_ISREG(mode):
        raise UserError(f"model: {file} is not an ordinary file")
    try:
        with open(file, "rb") as opened:
            start = opened.read(len(LFS_POINTER))
    except OSError as error:
        raise UserError(f"model: {file} cannot be read ({error.strerror})") from None
    if start == LFS_POINTER:
        raise UserError(f"model: {file} is a Git LFS pointer, not the file: run git lfs pull")


def read_text(file: Path, largest: int) -> str:
    """The text of a file of at most `largest` bytes; UserError if it is not UTF-8."""
    require_file(file)
    if file.stat().st_size > largest:
        raise UserError(f"model: {file} has more than {largest} bytes, too many for such a file")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"model: {file} is not UTF-8") from None
