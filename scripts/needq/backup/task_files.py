"""The files of tasks: sentence pairs as in BLiMP, and passages as in LAMBADA."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from needq.common.errors import UserError
from needq.common.files import read_text


class Item(NamedTuple):
    """The candidates that may follow a beginning, which may be empty. The first one is right.

    A single candidate competes with the whole vocabulary.
    """

    kind: str
    beginning: str
    candidates: tuple[str, ...]


def read_grammar(path: Path) -> list[Item]:
    """The minimal pairs of a file in BLiMP's format, or of all `*.jsonl` files of a folder.

    Each line is a JSON object with `sentence_good` and `sentence_bad`; `UID` is the kind (the
    file's name if there is none). Raises UserError naming file and line.
    """
    items = []
    for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
        for where, line in _lines(file):
            fields = _fields(where, line)
            pair = tuple(_text(where, fields, f"sentence_{which}") for which in ("good", "bad"))
            if pair[0] == pair[1]:
                raise UserError(f"{where}: both sentences are the same")
            items.append(Item(str(fields.get("UID", file.stem)), "", pair))
    return _not_empty(path, items)


def read_cloze(path: Path) -> list[Item]:
    """The passages of a file: JSON lines (`*.jsonl`) with `text`, or plain text, one per line.

    The last word is the right candidate. The others are the line's `distractors` (a list), or the
    whole vocabulary if it has none, as in LAMBADA. `kind` defaults to copy if the passage mentions
    the answer, and to infer if not. Raises UserError naming file and line.
    """
    items = []
    for where, line in _lines(path):
        if path.suffix != ".jsonl" and line.startswith("{") and line.endswith("}"):
            raise UserError(
                f"{where}: looks like JSON; name the file *.jsonl, or write plain lines"
            )
        fields = _fields(where, line) if path.suffix == ".jsonl" else {"text": line}
        beginning, _, answer = _text(where, fields, "text").rpartition(" ")
        if not beginning.strip():
            raise UserError(f"{where}: the passage has no word before its last")
        distractors: Any = fields.get("distractors", [])
        if not isinstance(distractors, list) or not all(
            isinstance(word, str) and word.strip() for word in distractors
        ):
            raise UserError(f"{where}: `distractors` is not a list of words")
        words = [answer, *(word.strip() for word in distractors)]
        if len(set(words)) < len(words):
            raise UserError(f"{where}: a candidate stands there twice")
        kind = "copy" if answer.lower() in re.findall(r"[\w'-]+", beginning.lower()) else "infer"
        kind = str(fields.get("kind", kind))
        items.append(Item(kind, beginning, tuple(f" {word}" for word in words)))
    return _not_empty(path, items)


def first_of_each_kind(items: Sequence[Item], number: int) -> list[Item]:
    """The first `number` items of each kind, or all that it has; kinds by their names."""
    kinds = groupby(sorted(items, key=_kind), key=_kind)
    return [item for _, own in kinds for item in list(own)[:number]]


def _kind(item: Item) -> str:
    return item.kind


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a text file that are not blank, each with a name for it."""
    # splitlines() would also cut at other characters, for example a line separator in a string
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()


def _fields(where: str, line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: is not JSON ({error})") from None
    if not isinstance(fields, dict):
        raise UserError(f"{where}: is not a JSON object")
    return fields


def _text(where: str, fields: dict[str, Any], name: str) -> str:
    text = fields.get(name)
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{where}: `{name}` is not a text")
    return text.strip()


def _not_empty(path: Path, items: list[Item]) -> list[Item]:
    if not items:
        raise UserError(f"{path}: holds no items")
    return items
