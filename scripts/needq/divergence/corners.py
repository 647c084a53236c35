"""The ledger's texts: how the left backend of a pair and the backend at each corner diverge."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from needq.common.backends import Backend
from needq.common.keys import corner_key
from needq.common.rows import LedgerRow, TraceRow
from needq.divergence.diff import diff, repeated
from needq.plan.corners import REPEAT, Corner, corners, side_corners

TextsAndLogits = tuple[Sequence[TraceRow], Mapping[str, np.ndarray]]


class Trace(NamedTuple):
    """What one process of the ledger left."""

    texts: Sequence[TraceRow]
    logits: Mapping[str, np.ndarray]  # by keys.corner_key

    def at(self, corner: Corner) -> TextsAndLogits:
        """The texts at one corner, and its logits by keys.logits_key."""
        prefix = corner_key(corner.name, "")
        return (
            [row for row in self.texts if row["corner"] == corner.name],
            {
                key.removeprefix(prefix): values
                for key, values in self.logits.items()
                if key.startswith(prefix)
            },
        )


def compare_corners(
    names: tuple[str, str],
    pair: tuple[Backend, Backend],
    traces: Mapping[tuple[str, str], Trace],
) -> Iterator[LedgerRow]:
    """The rows of `ledger_texts.tsv` for one pair of backends: one row per text and corner.

    `traces` maps a side ("left", "right") and a process ("first", "second") to what it left.
    """
    sides = {side: side_corners(side, *pair) for side in ("left", "right")}
    for name, (side, (own, *_)) in zip(names, sides.items(), strict=True):
        first, second = (traces[side, process].at(own) for process in ("first", "second"))
        again = (repeated(first[0], second[0]), first[1])
        yield from _rows((name, name), REPEAT, (own, own), (again, second))
    left = sides["left"][0]
    results = {corner: traces[side, "first"].at(corner) for side in sides for corner in sides[side]}
    for corner in corners(*pair)[1:]:
        both = (results[left], results[corner])
        yield from _rows(names, corner.name, (left, corner), both)


def _rows(
    names: tuple[str, str],
    name: str,
    pair: tuple[Corner, Corner],
    both: tuple[TextsAndLogits, TextsAndLogits],
) -> Iterator[LedgerRow]:
    """The texts of two backends, where the second one is at the corner of this name."""
    (left, left_logits), (right, right_logits) = both
    precisions = [corner.backend.precision for corner in pair]
    rows = diff(names, (left, right), (left_logits, right_logits), precisions)
    for row, number in zip(rows, _distinct(left), strict=True):
        yield {**row, "corner": name, "distinct_text": number}


def _distinct(texts: Sequence[TraceRow]) -> Iterator[int]:
    """For each text, its number among the different texts of its prompt and sample seed."""
    known: dict[tuple[int, int], list[list[int]]] = {}
    for text in texts:
        mine = known.setdefault((text["prompt"], text["sample_seed"]), [])
        if text["tokens"] not in mine:
            mine.append(text["tokens"])
        yield mine.index(text["tokens"])
