"""Tasks: multiple-choice items. A model is right if the right candidate is the most probable one.

The grammar task is minimal pairs, as in BLiMP (Warstadt et al. 2020, "BLiMP: The Benchmark of
Linguistic Minimal Pairs for English"). The cloze task is passages whose last word is to be chosen,
as in LAMBADA (Paperno et al. 2016, "The LAMBADA dataset: Word prediction requiring a broad
discourse context"). Files of this project (`resources/tasks/`) and files of theirs can be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, Self

from typing_extensions import TypedDict

from needq.backup.encoder import Encoder
from needq.backup.task_files import Item, first_of_each_kind, read_cloze, read_grammar
from needq.common.errors import UserError
from needq.common.files import read_made
from needq.common.settings import Tasks

# the largest number of items that a selection is made from: of each phenomenon, and of passages
POOL = {"grammar": 100, "cloze": 1000}
COPYING = ("copy", "bind")  # kinds of cloze items whose answer stands in the passage


class Candidate(NamedTuple):
    """The tokens of a candidate. They are predicted in a row, from position `start` on."""

    row: int
    start: int
    tokens: tuple[int, ...]


class Score(NamedTuple):
    """A candidate's log probability, and the least lead of its tokens over other tokens (nats)."""

    log_probability: float
    lead: float


class Answer(NamedTuple):
    """What a model answers to one item."""

    right: float  # 1 if it is, 0 if not, 1/k if the right candidate ties with k - 1 others
    margin: float  # nats

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Self:
        """The answer of a model that gives the candidates these scores, the right one first."""
        return cls(credit(scores), margin(scores))


class EncodedTask(TypedDict):
    """A task as plain values, for tasks.json and asked.json."""

    numbers: list[int]
    kinds: list[str]
    candidates: list[list[Candidate]]
    rows: list[list[int]]


@dataclass(frozen=True)
class Task:
    """Items as token ids. `candidates[i]` are those of item i, `kinds[i]` is its kind.

    `numbers[i]` is its place among all items of the task, from 0. `rows` are what a model reads.
    Candidates that differ only in their last token share a row, since nothing is predicted from the
    last token of a row.
    """

    numbers: list[int]
    kinds: list[str]
    candidates: list[list[Candidate]]
    rows: list[list[int]]

    @property
    def chance(self) -> float:
        """The accuracy of guessing. An item counts 0 if its rivals are the whole vocabulary."""
        shares = [1 / len(own) if len(own) > 1 else 0.0 for own in self.candidates]
        return sum(shares) / len(shares) if shares else 0.0

    def sentence(self, candidate: Candidate) -> list[int]:
        """What a candidate says with the beginning of its item, as token ids."""
        return [*self.rows[candidate.row][: candidate.start], *candidate.tokens]

    def only(self, places: Sequence[int]) -> Self:
        """The task with some of its items, by their places in its lists."""
        candidates = [self.candidates[place] for place in places]
        used = sorted({candidate.row for own in candidates for candidate in own})
        new = {row: number for number, row in enumerate(used)}
        return type(self)(
            [self.numbers[place] for place in places],
            [self.kinds[place] for place in places],
            [[one._replace(row=new[one.row]) for one in own] for own in candidates],
            [self.rows[row] for row in used],
        )

    def to_dict(self) -> EncodedTask:
        """Plain values, for JSON."""
        return {
            "numbers": self.numbers,
            "kinds": self.kinds,
            "candidates": self.candidates,
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, values: EncodedTask) -> "Task":
        """The inverse of `to_dict`, from plain values (with lists in place of tuples)."""
        candidates = [
            [Candidate(row, start, tuple(tokens)) for row, start, tokens in own]
            for own in values["candidates"]
        ]
        return cls(values["numbers"], values["kinds"], candidates, values["rows"])


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
    return Task(list(range(len(items))), [item.kind for item in items], candidates, rows)


def _common_start(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two sequences have in common from their beginning."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def encode_tasks(
    tokenizer_file: str | Path, context: int, vocabulary: int, settings: Tasks, begin: str
) -> dict[str, EncodedTask]:
    """The items of the config's tasks from which some are selected, by the task's name.

    Plain values for tasks.json. Of a large file, the first POOL items are taken.
    """
    encoder = Encoder(tokenizer_file, vocabulary)
    chosen = {
        "grammar": first_of_each_kind(read_grammar(Path(settings.grammar)), POOL["grammar"]),
        "cloze": read_cloze(Path(settings.cloze))[: POOL["cloze"]],
    }
    return {
        name: encode(items, encoder, begin, context).to_dict() for name, items in chosen.items()
    }


def read_tasks(path: str | Path) -> dict[str, Task]:
    """Each task by its name, of the backup's tasks.json or of asked.json."""
    tasks = read_made(path, dict[str, EncodedTask])
    return {name: Task.from_dict(values) for name, values in tasks.items()}


def read_answers(path: str | Path) -> dict[str, list[Answer]]:
    """The answers to each item of each task, of ngram_answers.json."""
    answers = read_made(path, dict[str, list[tuple[float, float]]])
    return {name: [Answer(*one) for one in own] for name, own in answers.items()}


def chances(path: str | Path) -> dict[str, float]:
    """The accuracy that guessing gives in each task of such a file; 0 without any item."""
    return {name: task.chance for name, task in read_tasks(path).items()}


def credit(scores: Sequence[Score]) -> float:
    """1 if the first candidate is the most probable, 0 if not; 1/k if it ties with k - 1 others.

    A single candidate is right if each of its tokens is the model's first choice (top-1).
    """
    if len(scores) == 1:
        return float(scores[0].lead > 0)
    values = [score.log_probability for score in scores]
    return 1 / values.count(values[0]) if values[0] == max(values) else 0.0


def margin(scores: Sequence[Score]) -> float:
    """The log probability of the first candidate minus that of the best other one, in nats.

    Log probabilities are sums over tokens, as `credit` takes them. For a single candidate, the
    least lead of its tokens: the others are all tokens of the vocabulary.
    """
    if len(scores) == 1:
        return scores[0].lead
    return scores[0].log_probability - max(score.log_probability for score in scores[1:])
