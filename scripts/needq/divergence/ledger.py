"""The ledger: how two backends diverge as the causes are removed, one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from needq.common.rows import LedgerRow, TraceRow
from needq.common.settings import Backend
from needq.divergence.diff import diff
from needq.plan.ledger_steps import NATIVE, REPEAT, Step, backends_of, steps

TextsAndLogits = tuple[Sequence[TraceRow], Mapping[str, np.ndarray]]


class Trace(NamedTuple):
    """What one process generated with each of its backends, which are known by their number."""

    texts: Sequence[TraceRow]
    logits: Mapping[str, np.ndarray]  # by the backend's number and keys.logits_key

    def under(self, number: int) -> tuple[list[TraceRow], dict[str, np.ndarray]]:
        """The texts and logits of one backend."""
        prefix = f"{number} "
        return (
            [row for row in self.texts if row["backend_number"] == number],
            {
                key.removeprefix(prefix): values
                for key, values in self.logits.items()
                if key.startswith(prefix)
            },
        )


def compare_steps(
    names: tuple[str, str],
    pair: tuple[Backend, Backend],
    traces: Mapping[tuple[str, str], Trace],
) -> Iterator[LedgerRow]:
    """The rows of `ledger_texts.tsv` for one pair of backends: one row per text and step.

    `traces` maps a side ("left", "right") and a process ("first", "second") to what it generated.
    """
    for name, backend, side in zip(names, pair, ("left", "right"), strict=True):
        first, second = (traces[side, process].under(0) for process in ("first", "second"))
        repeat = Step(REPEAT, 0, NATIVE, backend, backend)
        yield from _rows((name, name), repeat, first, second)
    left_numbers, right_numbers = (backends_of(side, *pair) for side in ("left", "right"))
    for step in steps(*pair):
        left = traces["left", "first"].under(left_numbers.index(step.left))
        right = traces["right", "first"].under(right_numbers.index(step.right))
        yield from _rows(names, step, left, right)


def _rows(
    names: tuple[str, str], step: Step, left: TextsAndLogits, right: TextsAndLogits
) -> Iterator[LedgerRow]:
    """The texts of two backends under one step."""
    precisions = (step.left.precision, step.right.precision)
    for row in diff(names, (left[0], right[0]), (left[1], right[1]), precisions):
        yield {**row, "order": step.order, "step": step.step, "cause": step.cause}
