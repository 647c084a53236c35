"""Units and doses: what sweeps replace one by one, and what that is called in figures and pages."""

import math
from typing import TypedDict

from needq.common.keys import EQUAL_CHANGE, MLP, MLP_IN, MLP_OUT, matrices

OF_MLP = {MLP: "the MLP", MLP_IN: "the MLP's input weights", MLP_OUT: "the MLP's output weights"}
KINDS = {"heads": "head", "dimensions": "group of dimensions", "single": "block"}


class Unit(TypedDict):
    """A part of a model that a sweep replaces by itself; None for what its sweep does not cut."""

    sweep: str
    matrix: str
    steps: str
    intervention: str
    block: int
    head: int | None
    group: int | None
    noise: bool  # whether the method of the sweep draws noise


class Step(TypedDict):
    """A dose of a sweep of doses; that of the pristine model is 0, or 1 for factors."""

    sweep: str
    matrix: str
    method: str
    intervention: str
    dose: float


class MlpSweep(TypedDict):
    """A sweep that the MLP is compared by, or one of W_Q that it is compared with."""

    sweep: str
    matrix: str
    method: str
    steps: str
    reference: str | None  # the sweep of W_Q with the same steps; None for that sweep itself


def name_matrices(matrix: str) -> str:
    """The matrices that a sweep replaces: W_Q and W_K."""
    if matrix in OF_MLP:
        return OF_MLP[matrix]
    return " and ".join(f"W_{one.upper()}" for one in matrices(matrix))


def name_replaced(matrix: str, method: str) -> str:
    """What a sweep beside the MLP replaces, and by what: the MLP, at equal change."""
    how = {"gaussian": "all noise", EQUAL_CHANGE: "at equal change"}
    return f"{name_matrices(matrix)}, {how.get(method, method)}"


def name_sweep(matrix: str, steps: str) -> str:
    """What a sweep of units replaces: W_Q, one head at a time."""
    return f"{name_matrices(matrix)}, one {KINDS[steps]} at a time"


def name_unit(block: float, head: float, group: float) -> str:
    """A unit: block 3, head 2. What is not cut is missing (None, NaN)."""
    words = f"block {block:.0f}"
    for name, index in (("head", head), ("group", group)):
        if index is not None and not math.isnan(index):
            words += f", {name} {index:.0f}"
    return words
