"""Tasks: multiple-choice items. A model is right if the right candidate is the most probable one.

The grammar task is minimal pairs, as in BLiMP (Warstadt et al. 2020, "BLiMP: The Benchmark of
Linguistic Minimal Pairs for English"). The cloze task is passages whose last word is to be chosen,
as in LAMBADA (Paperno et al. 2016, "The LAMBADA dataset: Word prediction requiring a broad
discourse context"). Files of this project (`resources/tasks/`) and files of theirs can be read.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from typing_extensions import TypedDict

from needq.backup.encoder import Encoder
from needq.common.errors import UserError
from needq.common.files import read_made, read_text
from needq.common.settings import Tasks


class Item(NamedTuple):
    """The candidates that may follow a beginning, which may be empty. The first one is right.

    A single candidate competes with the whole vocabulary.
    """

    kind: str
    beginning: str
    candidates: tuple[str, ...]


class Candidate(NamedTuple):
    """The tokens of a candidate. They are predicted in a row, from position `start` on."""

    row: int
    start: int
    tokens: tuple[int, ...]


class Score(NamedTuple):
    """A candidate's log probability (nats), and whether each of its tokens ranks first."""

    log_probability: float
    first: bool


class EncodedTask(TypedDict):
    """A task as plain values, for tasks.json."""

    kinds: list[str]
    candidates: list[list[Candidate]]
    rows: list[list[int]]


@dataclass(frozen=True)
class Task:
    """Items as token ids. `candidates[i]` are those of item i, `kinds[i]` is its kind.

    `rows` are what a model reads. Candidates that differ only in their last token share a row,
    since nothing is predicted from the last token of a row.
    """

    kinds: list[str]
    candidates: list[list[Candidate]]
    rows: list[list[int]]

    @property
    def chance(self) -> float:
        """The accuracy of guessing. An item counts 0 if its rivals are the whole vocabulary."""
        shares = [1 / len(own) if len(own) > 1 else 0.0 for own in self.candidates]
        return sum(shares) / len(shares)

    def to_dict(self) -> EncodedTask:
        """Plain values, for JSON."""
        return {"kinds": self.kinds, "candidates": self.candidates, "rows": self.rows}

    @classmethod
    def from_dict(cls, values: EncodedTask) -> "Task":
        """The inverse of `to_dict`, from plain values (with lists in place of tuples)."""
        candidates = [
            [Candidate(row, start, tuple(tokens)) for row, start, tokens in own]
            for own in values["candidates"]
        ]
        return cls(values["kinds"], candidates, values["rows"])


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
    whole vocabulary if it has none, as in LAMBADA. `kind` defaults to the file's name. Raises
    UserError naming file and line.
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
        kind = str(fields.get("kind", path.stem))
        items.append(Item(kind, beginning, tuple(f" {word}" for word in words)))
    return _not_empty(path, items)


def first_of_each_kind(items: Sequence[Item], number: int) -> list[Item]:
    """The first `number` items of each kind, kinds in the order of their names.

    In this project's files, pairs that balance each other are neighbours, in groups of 1, 2 or 4:
    a multiple of 4 keeps every kind balanced. UserError if a kind has too few.
    """
    chosen: list[Item] = []
    for kind, own in groupby(sorted(items, key=_kind), key=_kind):
        first = list(own)[:number]
        if len(first) < number:
            raise UserError(
                f"tasks.pairs: {number} items of {kind} are wanted, but the file has {len(first)}"
            )
        chosen += first
    return chosen


def first_items(items: Sequence[Item], number: int) -> list[Item]:
    """The first `number` items.

    In this project's cloze files, four neighbours share their candidates and every kind is spread
    evenly: a multiple of 4 keeps the answers balanced. UserError if there are too few.
    """
    if len(items) < number:
        raise UserError(f"tasks.passages: {number} items are wanted, but the file has {len(items)}")
    return list(items[:number])


def encode(items: Sequence[Item], encoder: Encoder, begin: str, context: int) -> Task:
    """Items as token ids, each row with the token `begin` first.

    Beginning and candidate are encoded together. The candidate's tokens begin where this differs
    from the beginning encoded by itself. UserError for a token the model lacks, a candidate without
    tokens, or an item beyond its context.
    """
    begin_id = encoder.token(begin, "evaluation.begin")
    numbers: dict[tuple[int, ...], int] = {}
    rows: list[list[int]] = []
    candidates: list[list[Candidate]] = []
    for item in items:
        own: list[Candidate] = []
        for candidate in item.candidates:
            where = f"tasks: an item of {item.kind}"
            row = [begin_id, *encoder.ids(item.beginning + candidate, where)]
            if len(row) > context:
                raise UserError(
                    f"{where} has {len(row)} tokens with the begin token, "
                    f"which exceed the model's context of {context}: {item.beginning}{candidate}"
                )
            before = encoder.ids(item.beginning, where) if item.beginning else []
            start = _common_start([begin_id, *before], row)
            if start == len(row):
                raise UserError(
                    f"{where}: the model's tokenizer makes no token of {candidate!r} after "
                    f"{item.beginning!r}"
                )
            number = numbers.setdefault(tuple(row[:-1]), len(rows))
            if number == len(rows):
                rows.append(row)
            own.append(Candidate(number, start, tuple(row[start:])))
        candidates.append(own)
    return Task([item.kind for item in items], candidates, rows)


def _common_start(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two sequences have in common from their beginning."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def encode_tasks(
    tokenizer_file: str | Path, context: int, vocabulary: int, settings: Tasks, begin: str
) -> dict[str, EncodedTask]:
    """The config's tasks as token ids: plain values for tasks.json, by the task's name."""
    encoder = Encoder(tokenizer_file, vocabulary)
    chosen = {
        "grammar": first_of_each_kind(read_grammar(Path(settings.grammar)), settings.pairs),
        "cloze": first_items(read_cloze(Path(settings.cloze)), settings.passages),
    }
    return {
        name: encode(items, encoder, begin, context).to_dict() for name, items in chosen.items()
    }


def read_tasks(path: str | Path) -> dict[str, Task]:
    """The backup's tasks.json: each task by its name."""
    tasks = read_made(path, dict[str, EncodedTask])
    return {name: Task.from_dict(values) for name, values in tasks.items()}


def chances(path: str | Path) -> dict[str, float]:
    """The accuracy that guessing gives in each task of the backup's tasks.json."""
    return {name: task.chance for name, task in read_tasks(path).items()}


def credit(scores: Sequence[Score]) -> float:
    """1 if the first candidate is the most probable, 0 if not; 1/k if it ties with k - 1 others.

    A single candidate is right if each of its tokens is the model's first choice (top-1).
    """
    if len(scores) == 1:
        return float(scores[0].first)
    values = [score.log_probability for score in scores]
    return 1 / values.count(values[0]) if values[0] == max(values) else 0.0


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
