"""The JSON schema of the config, made from its settings: `make schema` writes it.

It documents every key, and editors use it. A test fails if the file differs from the settings.
"""

from pathlib import Path
from typing import Any

import yaml

from needq.common.files import write_text
from needq.common.settings import Config

FILE = Path("schemas/config.schema.yaml")
DRAFT = "https://json-schema.org/draft/2020-12/schema"
HEAD = "# Generated from scripts/needq/common/settings.py by `make schema`: do not edit it here.\n"
# the order of what is said of a key: first its meaning, and last the keys inside it
ORDER = """description default enum type pattern minimum exclusiveMinimum maximum minLength
    maxLength minItems maxItems minProperties maxProperties uniqueItems additionalProperties
    required oneOf anyOf properties patternProperties items""".split()


def schema_text() -> str:
    """The schema as a YAML file."""
    whole = Config.model_json_schema()
    schema = {"$schema": DRAFT, "title": "The config of needq"} | _readable(whole, whole["$defs"])
    return HEAD + yaml.dump(schema, Dumper=_Dumper, sort_keys=False, width=88, allow_unicode=True)


def _readable(part: dict[str, Any], groups: dict[str, Any]) -> dict[str, Any]:
    """A part of pydantic's schema with its groups in place, and without what says nothing new."""
    if "$ref" in part:
        return _readable(groups[part["$ref"].rsplit("/", 1)[1]], groups)
    part = {key: value for key, value in part.items() if key not in ("title", "$defs")}
    if "const" in part:
        part["enum"] = [part.pop("const")]
    if "enum" in part:
        part.pop("type", None)
    if "patternProperties" in part:
        part["additionalProperties"] = False
    for key in ("properties", "patternProperties"):
        if key in part:
            part[key] = {name: _readable(inner, groups) for name, inner in part[key].items()}
    for key in ("oneOf", "anyOf"):
        if key in part:
            part[key] = [_readable(inner, groups) for inner in part[key]]
    if "items" in part:
        part["items"] = _readable(part["items"], groups)
    if "description" in part:
        part["description"] = " ".join(part["description"].split())
    return {key: part[key] for key in sorted(part, key=ORDER.index)}


class _Dumper(yaml.SafeDumper):
    """YAML as one would write it: long texts folded, short lists and groups on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    folded = ">" if len(text) > 70 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=folded)


def _is_short(values: Any) -> bool:
    return all(not isinstance(value, dict | list) for value in values)


def _represent_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=_is_short(values))


def _represent_group(dumper: yaml.SafeDumper, group: dict[str, Any]) -> yaml.Node:
    short = _is_short(group.values()) and "description" not in group
    return dumper.represent_mapping("tag:yaml.org,2002:map", group, flow_style=short)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(dict, _represent_group)

if __name__ == "__main__":
    write_text(FILE, schema_text())
