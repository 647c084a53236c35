"""Whether a value that was read from JSON has the shape that a type describes."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict


def mismatch(value: Any, kind: Any, where: str = "its content") -> str | None:
    """The first part of `value` that is not of the type `kind`, in words; None if all is right.

    Knows typed dictionaries, dataclasses, lists, tuples, dictionaries, unions and plain types. JSON
    has lists in place of tuples, and whole numbers may stand for floats.
    """
    if get_origin(kind) in (Union, UnionType):
        kinds = get_args(kind)
        return None if any(mismatch(value, one) is None for one in kinds) else _wrong(where)
    if not _is_of(value, kind):
        return _wrong(where)
    for name, part, expected in _parts(value, kind):
        if wrong := mismatch(part, expected, f"{where}.{name}"):
            return wrong
    if _has_fields(kind):
        for name in _required(kind):
            if name not in value:
                return f"{where}.{name} is missing"
    return None


def _wrong(where: str) -> str:
    return f"{where} is not of the right type"


def _has_fields(kind: Any) -> bool:
    return is_typeddict(kind) or dataclasses.is_dataclass(kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _required(kind: Any) -> list[str]:
    names = getattr(kind, "__required_keys__", None)
    return sorted(names) if names is not None else [one.name for one in dataclasses.fields(kind)]


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, its parts aside."""
    if kind in (Any, object):
        return True
    if kind in (None, NoneType):
        return value is None
    if _has_fields(kind):
        return isinstance(value, dict)
    if hasattr(kind, "_fields"):  # a named tuple
        return isinstance(value, list) and len(value) == len(kind._fields)
    if kind is float:
        return type(value) in (int, float)
    plain = get_origin(kind) or kind
    return type(value) is (list if plain is tuple else plain)


def _parts(value: Any, kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """The name, the value and the type of each part of a value."""
    arguments = get_args(kind)
    if _has_fields(kind):
        fields = _hints(kind).items()
        yield from ((name, value[name], hint) for name, hint in fields if name in value)
    elif hasattr(kind, "_fields"):
        fields = _hints(kind).items()
        yield from ((name, part, hint) for part, (name, hint) in zip(value, fields, strict=True))
    elif isinstance(value, list) and arguments:
        yield from ((str(n), part, arguments[0]) for n, part in enumerate(value))
    elif isinstance(value, dict) and arguments:
        yield from ((name, part, arguments[1]) for name, part in value.items())
