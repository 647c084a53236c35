"""Config files: read once more, strictly, before anything is taken from them.

YAML takes the last of two equal keys, lets an anchor grow without end, and reads 010 as 8. Each is
one line here. Only the events of YAML's parser are looked at, so nothing is built and nothing runs.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from needq.common.errors import UserError
from needq.common.values import shown

LARGEST = 10_000_000  # bytes
DEEPEST = 32
MOST_VALUES = 200_000
TEXT_TAG = "tag:yaml.org,2002:str"  # of !!str 5
DECIMAL = re.compile(r"0|-?[1-9][0-9]{0,99}")
Pairs = list[tuple[str, object]]


def check_files(files: Iterable[str | os.PathLike[str]]) -> None:
    """Raise UserError, one line that names the file and the line, for the first fault in files."""
    for file in files:
        # a pipe can be read once, and Snakemake has done so
        if os.path.isfile(file):
            name = os.path.relpath(file)
            for problem in _problems(file):
                raise UserError(f"config: {name}{problem}")


def _problems(file: str | os.PathLike[str]) -> Iterator[str]:
    if os.path.getsize(file) > LARGEST:
        yield f": is larger than {LARGEST} bytes, which no config is"
        return
    try:
        text = Path(file).read_bytes().decode("utf-8-sig")
    except OSError as error:
        yield f": cannot be read ({error.strerror})"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        yield f", line {line}: is not UTF-8; save the file as UTF-8"
    else:
        yield from _json_problems(text) if _is_json(text) else _yaml_problems(text)


def _is_json(text: str) -> bool:
    """Whether Snakemake reads a file as JSON, which it tries first."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_problems(text: str) -> Iterator[str]:
    def without_duplicates(pairs: Pairs) -> dict[str, object]:
        seen: dict[str, object] = {}
        for key, value in pairs:
            if key in seen:
                raise UserError(f": the key {shown(key)} is given twice; take one out")
            seen[key] = value
        return seen

    try:
        if not isinstance(json.loads(text, object_pairs_hook=without_duplicates), dict):
            yield ": is not a group of keys"
    except UserError as error:
        yield str(error)


@dataclass
class _Group:
    """A list or group of keys that is being read; `keys` is None for a list."""

    anchor: str | None
    keys: set[str] | None = None
    key: str | None = None  # whose value comes next
    values: int = 1
    path: list[str] = field(default_factory=list)


def _yaml_problems(text: str) -> Iterator[str]:
    """What is wrong in YAML, each with its line."""
    line = 1
    try:
        reader = _Reader()
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1
            problem = reader.take(event)
            if problem:
                yield f", line {line}: {problem}"
        if not reader.documents:
            yield ": is empty"
        # by Snakemake's own loader, now that nothing in it can grow or run: dates, merged groups
        yaml.load(text, Loader=yaml.FullLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else line
        yield f", line {line}: is not YAML ({error.problem})"
    except (yaml.YAMLError, ValueError) as error:
        yield f": is not YAML ({shown(str(error))})"


class _Reader:
    """Takes the events of YAML's parser one by one."""

    def __init__(self) -> None:
        self.open: list[_Group] = []
        self.sizes: dict[str, int] = {}  # of what each anchor stands for, expanded
        self.documents = 0
        self.resolve = yaml.SafeLoader("").resolve

    def take(self, event: yaml.Event) -> str | None:
        """What is wrong with an event; None if nothing."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            return "a second document begins; a config is one" if self.documents > 1 else None
        if isinstance(event, yaml.CollectionEndEvent):
            group = self.open.pop()
            if group.anchor:
                self.sizes[group.anchor] = group.values
            return self._add(group.values)
        if not isinstance(event, yaml.NodeEvent):
            return None
        return self._take_node(event)

    def _take_node(self, event: yaml.NodeEvent) -> str | None:
        parent = self.open[-1] if self.open else None
        is_key = parent is not None and parent.keys is not None and parent.key is None
        tag = getattr(event, "tag", None)
        if tag is not None and not (tag == TEXT_TAG and isinstance(event, yaml.ScalarEvent)):
            return f"has the tag {shown(tag)}; a config has no tags"
        if not isinstance(event, yaml.ScalarEvent) and is_key:
            return "a key must be text"
        if parent is None and not isinstance(event, yaml.MappingStartEvent):
            return "is not a group of keys"
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.sizes:
                return f"*{event.anchor} stands inside what it names, or for nothing"
            return self._add(self.sizes[event.anchor])
        if isinstance(event, yaml.ScalarEvent):
            return self._take_key(event.value) if is_key else self._take_scalar(event)
        keys: set[str] | None = set() if isinstance(event, yaml.MappingStartEvent) else None
        self.open.append(_Group(event.anchor, keys, path=self._path()))
        if len(self.open) > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep"
        return None

    def _take_key(self, key: str) -> str | None:
        group = self.open[-1]
        assert group.keys is not None
        group.key = key
        if key in group.keys:
            name = ".".join(self._path())
            return f"the key {shown(name)} is given twice; take one out"
        group.keys.add(key)
        if key == "__use_yte__" and len(self.open) == 1:
            return "__use_yte__ lets a config run code; take it out"
        return None

    def _take_scalar(self, event: yaml.ScalarEvent) -> str | None:
        if event.anchor:
            self.sizes[event.anchor] = 1
        tag = self.resolve(yaml.ScalarNode, event.value, event.implicit)
        whole = tag.endswith(":int") and not DECIMAL.fullmatch(event.value)
        if whole or (tag.endswith(":float") and ":" in event.value):  # 1:30 is 90 in YAML
            return f"{shown(event.value)} is no number in decimal digits; put text in quotes"
        return self._add(1)

    def _add(self, values: int) -> str | None:
        """Count what a list or group holds, and expect its next key."""
        if self.open:
            self.open[-1].values += values
            self.open[-1].key = None
            if self.open[-1].values > MOST_VALUES:
                return f"holds more than {MOST_VALUES} values, its anchors expanded"
        return None

    def _path(self) -> list[str]:
        """The keys that lead to what is being read."""
        if not self.open:
            return []
        group = self.open[-1]
        return [*group.path, group.key] if group.key is not None else group.path
