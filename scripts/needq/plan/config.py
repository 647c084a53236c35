"""The config: read into settings, completed with their defaults, and checked before the first job.

Each mistake is one line that names its key: what is wrong, what to do, and what the key means.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from needq.common.errors import UserError
from needq.common.group import Settings
from needq.common.settings import Config
from needq.common.values import NAME, SWEEP_NAME, TAGS, WORD, cut, shown
from needq.plan.checks import problems

# what suits one model, and perhaps not another
SUITED = ("generation.prompts", "evaluation.text", "tasks.grammar", "tasks.cloze")


def read_config(values: Any) -> Config:
    """The settings of a config, defaults filled in.

    Raises UserError, one line that names the key, for a wrong value or keys that do not agree.
    """
    for key in _keys_not_text(values):
        raise UserError(f"config: {cut(key)}: a key must be text; put it in quotes")
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise UserError(_explain(error.errors())) from None
    for problem in problems(config):
        raise UserError(cut(f"config: {problem}", 600))
    return config


def without_other_models_values(
    values: Mapping[str, object], overlay: Mapping[str, object], default: Mapping[str, object]
) -> tuple[dict[str, object], list[str]]:
    """The config for its own model, and a line for each value that it has from the default's.

    `values` is the merged config, `overlay` what the user's config files and command line set, and
    `default` is config.yaml. If the model is not the default's, the default's digests are left out.
    """
    own: dict[str, object] = dict(values)
    notes: list[str] = []
    if _source(values) == _source(default):
        return own, notes
    name = _value(values, "model.location")
    model = values.get("model")
    if _value(overlay, "model.digests") is None and isinstance(model, Mapping):
        own["model"] = {**model, "digests": []}
        notes.append(f"model.digests: not set for {name}; the files of the model are not checked")
    evaluation = values.get("evaluation")
    if _value(overlay, "evaluation.ngram_text") is None and isinstance(evaluation, Mapping):
        # n-grams of another model's training text are no baselines
        own["evaluation"] = {**evaluation, "ngram_text": None}
    for key in SUITED:
        if _value(overlay, key) is None:
            notes.append(f"{key}: not set for {name}; the value of the default config is used")
    return own, notes


def _source(values: Any) -> tuple[Any, Any, Any]:
    """Which model a config names, and where it is."""
    location = _value(values, "model.location")
    if isinstance(location, str):
        location = os.path.normpath(location)
    return _value(values, "model.source"), location, _value(values, "model.revision")


def _value(values: Any, key: str) -> Any:
    """The value of a key (dotted); None if there is none."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _keys_not_text(value: Any, path: str = "") -> Iterator[str]:
    """The paths of keys that YAML reads as numbers or truth values (on, yes, 1)."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield _join(path, str(key))
            yield from _keys_not_text(item, _join(path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys_not_text(item, _join(path, str(index)))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _explain(errors: list[ErrorDetails]) -> str:
    """One line for the first of pydantic's errors."""
    # an unknown key is often the missing one, misspelt
    error = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    keys = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        keys = [key for key in keys[:-1] if key not in TAGS] + keys[-1:]
        return f"{_where(keys)}: no such key; {_known_keys(keys)}"
    is_key = keys[-1:] == ["[key]"]
    keys = [key for key in keys if key not in (*TAGS, "[key]")]
    where = _where(keys)
    if is_key:
        return f"{where}: a name must match {error.get('ctx', {}).get('pattern', SWEEP_NAME)}"
    if error["type"] == "missing":
        return f"{where}: the key is missing"
    if error["type"] in ("too_short", "string_too_short") and not error["input"]:
        return f"{where}: is empty"
    meaning = _meaning(keys)
    return f"{where}: {_reason(error)}" + (f" ({meaning})" if meaning else "")


def _reason(error: ErrorDetails) -> str:
    """What is wrong with a value."""
    value, limits = _written(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            wanted = limits["expected"].replace("'", "").replace("True or False", "yes or no")
            return f"{value} is not {wanted}{_alternative(error['loc'])}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{value} is not a group of keys"
        case "list_type":
            return f"{value} is not a list"
        case "string_type":
            return f"{value} is not text; put it in quotes"
        case "string_unicode":
            return f"{value} holds half a character (a surrogate by itself), which is no text"
        case "string_too_long":
            return f"{value} has more than {limits['max_length']} characters"
        case "bool_type":
            return f"{value} is not yes or no"
        case "greater_than_equal":
            return f"{value} is less than {_written(limits['ge'])}"
        case "greater_than":
            return f"{value} is not more than {_written(limits['gt'])}"
        case "less_than_equal":
            return f"{value} is more than {_written(limits['le'])}"
        case "string_pattern_mismatch":
            return f"{value} does not match {limits['pattern']}"
        case "too_short":
            return f"{value} has fewer than {limits['min_length']} items"
        case "too_long":
            return f"{value} has more than {limits['max_length']} items"
        case "value_error":
            return cut(str(limits["error"]), 500)
    return f"{value}: {error['msg']}"


def _alternative(loc: tuple[int | str, ...]) -> str:
    """What may stand where a word may; in a list, it is a number."""
    if loc[-1] == NAME:
        return " or a group of keys"
    if loc[-1] != WORD:
        return ""
    return " or a number" if isinstance(loc[-2], int) else " or a list"


def _where(keys: list[str]) -> str:
    return f"config: {'.'.join(cut(key, 80) for key in keys)}" if keys else "config"


def _written(value: Any) -> str:
    """A value as a user would write it."""
    return f"{value:.12g}" if isinstance(value, float) else shown(value)


def _group(keys: list[str]) -> type[Settings] | None:
    """The group of settings at a path of keys; None if a plain value is there."""
    here: Any = Config
    for key in keys:
        if _is_group(here):
            field = here.model_fields.get(key)
            here = _alone(field.annotation) if field else None
        else:  # a list or a dict of settings
            here = (getattr(here, "__args__", None) or (None,))[-1]
    return here if _is_group(here) else None


def _alone(kind: Any) -> Any:
    """The group of settings among the alternatives of a value, if there is one."""
    parts = [getattr(part, "__origin__", part) for part in getattr(kind, "__args__", ())]
    return next((part for part in parts if _is_group(part)), kind) if _is_union(kind) else kind


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)


def _known_keys(keys: list[str]) -> str:
    """The key that was perhaps meant at a path, or all that there are."""
    group = _group(keys[:-1])
    known = list(group.model_fields) if group else []
    close = difflib.get_close_matches(keys[-1], known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _meaning(keys: list[str]) -> str:
    """The first sentence of what is documented of the key at a path, or of the one above it."""
    for end in range(len(keys), 0, -1):
        group, above = _group(keys[:end]), _group(keys[: end - 1])
        field = above.model_fields.get(keys[end - 1]) if above else None
        text = (field.description if field else None) or (group.__doc__ if group else None)
        if text:
            return " ".join(text.split(". ")[0].split()).removesuffix(".")
    return ""
