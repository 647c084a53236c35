"""Shapes of JSON values: the first part that is not of its type is named."""

from dataclasses import dataclass
from typing import Any, NamedTuple, NotRequired, TypedDict

import pytest
from needq.common.shapes import mismatch


class Inner(TypedDict):
    name: str
    note: NotRequired[str]


class Outer(Inner):
    numbers: list[float]
    inner: dict[str, Inner]


class Pair(NamedTuple):
    left: int
    right: tuple[int, ...]


@dataclass
class Record:
    pair: Pair
    size: int | None


OUTER = {"name": "a", "numbers": [1, 2.5], "inner": {"x": {"name": "b", "note": "c"}}}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (OUTER, Outer),
        ({"name": "a"}, Inner),
        ({"name": "a", "more": 1}, Inner),  # of a newer version
        ([[1, [2, 3]]], list[Pair]),
        ({"pair": [1, []], "size": None}, Record),
        ({"a": {"b": "c"}}, dict[str, dict[str, str]]),
        ({"a": [None, {}]}, dict),
        ([True, 1], list[object]),
        (3, Any),
        (3, float),
    ],
)
def test_what_a_type_describes_has_no_mismatch(value, kind):
    assert mismatch(value, kind) is None


@pytest.mark.parametrize(
    ("value", "kind", "wrong"),
    [
        ([], Outer, "its content is not of the right type"),
        ({"nome": "a"}, Inner, "its content.name is missing"),
        (OUTER | {"numbers": [1, "2"]}, Outer, "its content.numbers.1 is not of the right type"),
        (OUTER | {"inner": {"x": {}}}, Outer, "its content.inner.x.name is missing"),
        ({"name": "a", "note": 1}, Inner, "its content.note is not of the right type"),
        ([[1]], list[Pair], "its content.0 is not of the right type"),
        ([[1, ["2"]]], list[Pair], "its content.0.right.0 is not of the right type"),
        ({"pair": [1, []]}, Record, "its content.size is missing"),
        ({"pair": [1, []], "size": "1"}, Record, "its content.size is not of the right type"),
        (True, int, "its content is not of the right type"),
        (True, float, "its content is not of the right type"),
        (1.0, int, "its content is not of the right type"),
        (None, str, "its content is not of the right type"),
        (0, None, "its content is not of the right type"),
    ],
)
def test_the_first_mismatch_is_named(value, kind, wrong):
    assert mismatch(value, kind) == wrong
