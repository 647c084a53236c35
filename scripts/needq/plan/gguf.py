"""The sizes in the first bytes of a GGUF file, without the library that reads it.

A GGUF file begins with GGUF, a version and two counts; then come keys with typed values, those of
the architecture before those of the tokenizer. Of anything odd the backup has more to say.
"""

import struct
from typing import BinaryIO

MAGIC = b"GGUF"
READ_FROM_GGUF = "llama"  # the one architecture, by the name that these files have for it
MOST_KEYS = 10_000
LONGEST = 100_000  # bytes of a text
# GGUF's numbers of value types, as struct's letters
LETTERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
TEXT, LIST = 8, 9


def read_keys(path: str) -> dict[str, object]:
    """The numbers and texts of a GGUF file's head, up to its tokenizer; as far as it is right."""
    found: dict[str, object] = {}
    try:
        with open(path, "rb") as file:
            if file.read(4) != MAGIC:
                return found
            version, _tensors, keys = _numbers(file, "IQQ")
            for _ in range(min(int(keys), MOST_KEYS) if version in (2, 3) else 0):
                key = _text(file)
                if key.startswith("tokenizer."):
                    break
                found[key] = _value(file, *_numbers(file, "I"))
    except (OSError, ValueError, struct.error):
        pass
    return found


def _numbers(file: BinaryIO, letters: str) -> tuple[int, ...]:
    form = struct.Struct(f"<{letters}")
    return form.unpack(file.read(form.size))


def _text(file: BinaryIO) -> str:
    (length,) = _numbers(file, "Q")
    if length > LONGEST:
        raise ValueError("too long")
    return file.read(length).decode("utf-8")


def _value(file: BinaryIO, kind: int) -> object:
    if kind == TEXT:
        return _text(file)
    if kind in LETTERS:
        return _numbers(file, LETTERS[kind])[0]
    if kind != LIST:
        raise ValueError("unknown type")
    inner, length = _numbers(file, "IQ")
    if length > LONGEST or inner == LIST:
        raise ValueError("too long")
    return [_value(file, inner) for _ in range(length)]
