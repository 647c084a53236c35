"""The files that a model is made of, opened with care: whoever made them may have made anything."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from needq.common.errors import UserError

JsonObject = dict[str, Any]
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


def read_object(file: Path, largest: int) -> JsonObject:
    """The JSON object in a file; UserError if it is none, or if a key is given twice."""

    def once(pairs: list[tuple[str, Any]]) -> JsonObject:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise UserError(f"model: {file} gives the key {twice} twice")
        return found

    text = read_text(file, largest)
    try:
        content = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise UserError(f"model: {file} is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"model: {file} holds no JSON object")
    return content


def read_text(file: Path, largest: int) -> str:
    """The text of a file of at most `largest` bytes; UserError if it is not UTF-8."""
    require_file(file)
    if file.stat().st_size > largest:
        raise UserError(f"model: {file} has more than {largest} bytes, too many for such a file")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"model: {file} is not UTF-8") from None
