"""The causes that part two backends, and the order in which the ledger removes them.

Two backends stand for two machines. A cause is removed by giving both the same value of the
factors that it consists of; what makes them two machines (device, threads, instruction set) stays.
What each removal does depends on what was removed before, so the causes are removed in order,
forwards, and in the opposite order, backwards. The Snakefile imports this module.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

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
# how figures and pages call steps and orders
REMOVED = {NATIVE: "as they are"} | {cause: f"same {cause}" for cause in CAUSES}
REMOVED |= {"float64": "both in float64", "exact": "both exact"}
CALLED = {"forwards": "noise first", "backwards": "arithmetic first"}


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
