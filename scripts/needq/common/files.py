"""Files: written in one step, and identified by their digest."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from needq.common.errors import PARTIAL, UserError, machine_error

T = TypeVar("T")
ModelConfig = Mapping[str, Any]  # a model's config.json, as whoever saved the model wrote it


@contextmanager
def temporary(path: str | Path) -> Iterator[Path]:
    """Yield a path in the same folder; rename it to `path` if the block succeeds, else remove it.

    It has the same name every time, so that the rest of a killed process is overwritten. If there
    is no space or no permission, the error is an OSError with the file's name, whatever the writer
    raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays at the end, since matplotlib chooses the format by it
    partial = path.with_name(f"{PARTIAL}{path.name}")
    try:
        yield partial
        _set_mode(partial)
        os.replace(partial, path)
    except Exception as error:
        if named := machine_error(error, path):
            raise named from error
        raise
    finally:
        # what could not even be looked at was not written
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _set_mode(path: Path) -> None:
    """Give a file the permissions that Python gives: safetensors lets nobody else read its own."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` to `path` in one step."""
    with temporary(path) as partial:
        partial.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Write `content` to `path` as UTF-8 in one step."""
    write_bytes(path, content.encode("utf-8"))


def read_text(path: str | Path, key: str = "") -> str:
    """The text of a file that a user wrote, without a byte-order mark, with line ends of Unix.

    Raises UserError for what is no file in UTF-8; `key` is the key of the config that names it.
    """
    path, where = Path(path), f"config: {key}: {path}" if key else f"{path}"
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise UserError(f"{where}: is not a file")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{where}: is not UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{where}: cannot be read ({reason})") from None
    if "\0" in text:
        raise UserError(f"{where}: holds the character NUL, so it is not a text in UTF-8")
    return text


def canonical_json(value: Any) -> str:
    """JSON with one spelling for each value: sorted keys, no spaces, ASCII. NaN is refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as readable JSON in one step."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """The value of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_made(path: str | Path, kind: type[T]) -> T:
    """The value of a JSON file that an earlier job wrote, of the type `kind`.

    Lists stay in place of tuples, as JSON has them. Raises UserError for a file that is damaged.
    """
    from pydantic import TypeAdapter, ValidationError  # only jobs that read JSON pay for it

    with reading(path, ValueError, RecursionError):
        content = Path(path).read_bytes()
        try:
            TypeAdapter(kind).validate_json(content, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None
        return cast(T, json.loads(content))


@contextmanager
def reading(path: str | Path, *errors: type[Exception]) -> Iterator[None]:
    """Read a file that an earlier job wrote: these errors say that it is damaged."""
    try:
        yield
    except errors as error:
        if named := machine_error(error, Path(path)):
            raise named from error
        raise damaged(path, error) from None


def damaged(path: str | Path, reason: object) -> UserError:
    """The error for a file that an earlier job wrote, and that is not as it was written."""
    return UserError(f"{path}: is damaged or cut short ({reason}); delete it and run again")


def sha256(content: bytes | memoryview) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
