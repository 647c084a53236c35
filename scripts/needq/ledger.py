"""The ledger: the divergence of two backends taken apart, one cause removed at a time.

Two backends stand for two machines. A cause is removed by giving both the same value of the
factors that it consists of; what makes them two machines (device, threads, instruction set) stays.
What each removal does depends on what was removed before, so the causes are removed in order,
forwards, and in the opposite order, backwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from needq.diff import Row, diff

Factors = Mapping[str, Any]

NATIVE = "native everything"
# how each cause is removed: factors that both backends get; of those under None, the left one's
CAUSES: dict[str, Factors] = {
    "noise": {"noise": "keyed"},
    "token draws": {"rng": "keyed"},
    "kernels, batch, cache": dict.fromkeys(("kernels", "batch", "cache")),
    "float64": {"precision": "float64"},
    "exact": {"arithmetic": "exact", "precision": "float64"},
}
ORDERS = {"forwards": tuple(CAUSES), "backwards": tuple(reversed(CAUSES))}


class Step(NamedTuple):
    """Two backends after some causes were removed, the last of them `cause`."""

    order: str
    step: int
    cause: str
    left: Factors
    right: Factors


def without(cause: str, left: Factors, right: Factors) -> tuple[Factors, Factors]:
    """Both backends with a cause removed."""
    shared = {name: left[name] if value is None else value for name, value in CAUSES[cause].items()}
    return {**left, **shared}, {**right, **shared}


def steps(left: Factors, right: Factors) -> list[Step]:
    """Both orders, each from native everything to exact arithmetic of everything shared."""
    found = []
    for order, causes in ORDERS.items():
        pair = (left, right)
        found.append(Step(order, 0, NATIVE, *pair))
        for number, cause in enumerate(causes, 1):
            pair = without(cause, *pair)
            found.append(Step(order, number, cause, *pair))
    return found


def backends_of(side: str, left: Factors, right: Factors) -> list[Factors]:
    """The different backends that one side ("left" or "right") of the ledger needs, in order."""
    found: list[Factors] = []
    for step in steps(left, right):
        factors = getattr(step, side)
        if factors not in found:
            found.append(factors)
    return found


class Trace(NamedTuple):
    """What one process left under each of its backends, which are known by their number."""

    texts: Sequence[Row]  # tables.TRACE
    logits: Mapping[str, np.ndarray]  # by the backend's number and tables.logits_key

    def under(self, number: int) -> tuple[list[Row], dict[str, np.ndarray]]:
        """The texts and logits under one backend."""
        prefix = f"{number} "
        return (
            [row for row in self.texts if row["backend"] == number],
            {
                key.removeprefix(prefix): values
                for key, values in self.logits.items()
                if key.startswith(prefix)
            },
        )


def parted(
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
