"""A model's tokenizer.json, read by the library tokenizers alone and never rewritten."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import tokenizers
from tokenizers import Tokenizer

from needq.common.errors import UserError
from needq.common.files import reading

LARGEST = 1 << 28  # bytes of a tokenizer.json; the largest vocabularies take some 40 MB

T = TypeVar("T")


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a tokenizer.json: its ids are a function of the text and nothing else.

    Padding, truncation and dropout are off, and nothing is put around a text, whatever the file
    says: these are settings of a training or a call that the file remembers. Raises UserError for
    a file that the library cannot read.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    size = path.stat().st_size
    if size > LARGEST:
        raise _unreadable(path, f"it has {size} bytes, and {LARGEST} are the most")
    tokenizer = attempt(
        lambda: Tokenizer.from_file(str(path)), lambda reason: _unreadable(path, reason)
    )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # it would put special tokens around a text, and take white space out of the offsets
    tokenizer.post_processor = None
    if getattr(tokenizer.model, "dropout", None) is not None:  # only BPE has it
        tokenizer.model.dropout = None
    return tokenizer


def load_copy(path: str | Path) -> Tokenizer:
    """The tokenizer of the backup's tokenizer.json, which could be read when it was made."""
    with reading(path, UserError):
        return load_tokenizer(path)


def attempt(call: Callable[[], T], refusal: Callable[[str], UserError]) -> T:
    """The result of a call of tokenizers; an error raises the refusal with the reason in it.

    The library raises bare Exceptions. What its Rust code has not foreseen is no Exception at all,
    and is written to the terminal too.
    """
    try:
        with _silence():
            return call()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        raise refusal(str(error) or type(error).__name__) from None


def _unreadable(path: Path, reason: str) -> UserError:
    version = tokenizers.__version__
    return UserError(
        f"{path}: is not a tokenizer.json that tokenizers {version} can read ({reason})"
    )


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches the terminal's stderr, not even from libraries that are not Python."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
