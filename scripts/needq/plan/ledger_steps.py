"""The causes by which two backends diverge, and the order in which the ledger removes them.

Two backends stand for two machines. To remove a cause, both get the same value of the factors that
it consists of. What makes them two machines (device, threads, instruction set) stays. What each
removal does depends on what was removed before, so the causes are removed in order, forwards, and
in the opposite order, backwards. The Snakefile imports this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from needq.common.settings import Backend

NATIVE = "native everything"
# how each cause is removed: factors that both backends get; for None, the value of the left one
CAUSES: dict[str, dict[str, object]] = {
    "noise": {"noise": "keyed"},
    "token draws": {"rng": "keyed"},
    "kernels, batch, cache": dict.fromkeys(("kernels", "batch", "cache")),
    "float64": {"precision": "float64"},
    "exact": {"arithmetic": "exact", "precision": "float64"},
}
ORDERS = {"forwards": tuple(CAUSES), "backwards": tuple(reversed(CAUSES))}
REPEAT = "repeat"  # stands for an order where a backend is compared with itself
# how figures and pages call steps and orders
REMOVED = {NATIVE: "as they are"} | {cause: f"same {cause}" for cause in CAUSES}
REMOVED |= {"float64": "both in float64", "exact": "both exact"}
CALLED = {"forwards": "noise first", "backwards": "arithmetic first"}


class Step(NamedTuple):
    """Two backends after some causes were removed, the last of them `cause`."""

    order: str
    step: int
    cause: str
    left: Backend
    right: Backend


def without(cause: str, left: Backend, right: Backend) -> tuple[Backend, Backend]:
    """Both backends with a cause removed."""
    shared = {
        name: getattr(left, name) if value is None else value
        for name, value in CAUSES[cause].items()
    }
    return left.changed(**shared), right.changed(**shared)


def steps(left: Backend, right: Backend) -> list[Step]:
    """Both orders, each from native everything to exact arithmetic of everything shared."""
    path = []
    for order, causes in ORDERS.items():
        pair = (left, right)
        path.append(Step(order, 0, NATIVE, *pair))
        for number, cause in enumerate(causes, 1):
            pair = without(cause, *pair)
            path.append(Step(order, number, cause, *pair))
    return path


def backends_of(side: str, left: Backend, right: Backend) -> list[Backend]:
    """The different backends that one side ("left" or "right") of the ledger needs, in order."""
    backends: list[Backend] = []
    for step in steps(left, right):
        backend = getattr(step, side)
        if backend not in backends:
            backends.append(backend)
    return backends
