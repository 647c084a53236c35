"""What a run was made with, as tables that a person reads; provenance.json has all of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

FLAGS = {
    "cpu_capability": "CPU kernels",
    "threads": "threads in use",
    "deterministic_algorithms": "deterministic",
    "tf32": "TF32",
    "cublas_workspace": "cuBLAS workspace",
}
NO_GPU = "none: CUDA was not run"
LEDGER = "(of the ledger)"


def hardware(record: Mapping[str, Any]) -> dict[str, str]:
    """The processors and GPUs that a run used, by name."""
    found = {
        "CPU": _distinct(process.get("cpu") for process in record["processes"]),
        "GPU": _distinct(process.get("gpu") for process in record["processes"]) or NO_GPU,
    }
    return found | {"platform": record["platform"]}


def software(record: Mapping[str, Any]) -> dict[str, str]:
    """The versions that a run used; two of one package if its processes had two."""
    names = dict.fromkeys(record["versions"])
    for process in record["processes"]:
        names |= dict.fromkeys(process.get("versions", {}))
    found = {"needq": record["needq"]}
    for name in names:
        versions = [record["versions"].get(name)]
        versions += [process.get("versions", {}).get(name) for process in record["processes"]]
        found[name] = _distinct(versions)
    cuda = _distinct(process.get("cuda") for process in record["processes"])
    return found | ({"CUDA": cuda} if cuda else {})


def backends(
    record: Mapping[str, Any], names: Mapping[str, Mapping[str, Any]]
) -> tuple[list[str], list[list[str]]]:
    """Settings and flags of every process, a row each: the heads, and the rows.

    `names` are the config's backends. Processes whose backend has no name are steps of the ledger.
    """
    processes = record["processes"]
    factors = list(dict.fromkeys(key for process in processes for key in process["backend"]))
    rows = []
    for process in processes:
        settings = process["backend"]
        known = [name for name, backend in names.items() if dict(backend) == dict(settings)]
        row = [", ".join(known) or LEDGER, *(settings.get(factor) for factor in factors)]
        rows.append([_spelled(value) for value in [*row, *(process.get(flag) for flag in FLAGS)]])
    rows.sort(key=lambda row: (row[0] == LEDGER, row))
    return ["backend", *factors, *FLAGS.values()], rows


def settings(config: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The config as sections of (key, value); values that are no scalar are spelled as YAML."""
    found = []
    for section, values in config.items():
        if not isinstance(values, Mapping):
            values = {section: values}
        found.append((section, [(key, _as_yaml(value)) for key, value in values.items()]))
    return found


def _as_yaml(value: Any) -> str:
    if isinstance(value, Mapping | list):
        flat = isinstance(value, Mapping) or not any(isinstance(one, str) for one in value)
        text = yaml.safe_dump(
            value,
            sort_keys=False,
            allow_unicode=True,
            width=10_000,
            default_flow_style=flat,
        )
        return text.strip()
    return _spelled(value)


def _spelled(value: Any) -> str:
    """A value as the config spells it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _distinct(values: Any) -> str:
    """Different values, in the order in which they come."""
    found: Sequence[str] = list(dict.fromkeys(str(value) for value in values if value))
    return ", ".join(found)
