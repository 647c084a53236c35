"""The ledger: the divergence of two backends taken apart, one cause removed at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from needq.divergence.diff import Row, diff
from needq.plan.ledger_steps import NATIVE, Factors, backends_of, steps


class Trace(NamedTuple):
    """What one process left under each of its backends, which are known by their number."""

    texts: Sequence[Row]  # schemas.TRACE
    logits: Mapping[str, np.ndarray]  # by the backend's number and tables.logits_key

    def under(self, number: int) -> tuple[list[Row], dict[str, np.ndarray]]:
        """The texts and logits under one backend."""
        prefix = f"{number} "
        return (
            [row for row in self.texts if row["backend_number"] == number],
            {
                key.removeprefix(prefix): values
                for key, values in self.logits.items()
                if key.startswith(prefix)
            },
        )


def texts_of_steps(
    names: tuple[str, str],
    pair: tuple[Factors, Factors],
    traces: Mapping[tuple[str, str], Trace],
) -> Iterator[dict[str, Any]]:
    """The rows of `ledger_texts.tsv` for one pair of backends: a text under each step.

    `traces` are by side ("left", "right") and process ("first", "second").
    """
    for name, factors, side in zip(names, pair, ("left", "right"), strict=True):
        ends = (traces[side, "first"].under(0), traces[side, "second"].under(0))
        yield from _rows((name, name), ("control", 0, NATIVE), (factors, factors), ends)
    numbered = {side: backends_of(side, *pair) for side in ("left", "right")}
    for step in steps(*pair):
        ends = tuple(
            traces[side, "first"].under(numbered[side].index(getattr(step, side)))
            for side in ("left", "right")
        )
        yield from _rows(names, step[:3], (step.left, step.right), ends)


def _rows(names, step, pair, ends) -> Iterator[dict[str, Any]]:
    (left, left_logits), (right, right_logits) = ends
    precisions = [factors["precision"] for factors in pair]
    for row in diff(names, (left, right), (left_logits, right_logits), precisions):
        yield row | dict(zip(("order", "step", "cause"), step, strict=True))
