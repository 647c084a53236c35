"""How a run was computed, as tables for readers; provenance.json has the whole record."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from needq.common.backends import Backend
from needq.common.settings import Config
from needq.provenance.record import ProvenanceRecord

FLAGS = {
    "cpu_capability": "CPU kernels",
    "threads": "threads in use",
    "deterministic_algorithms": "deterministic",
    "tf32": "TF32",
    "cublas_workspace": "cuBLAS workspace",
    "float64_integers": "integers in float64",
}
NO_GPU = "none: CUDA was not run"
UNNAMED = "(no backend of the config)"


def hardware(record: ProvenanceRecord) -> dict[str, str]:
    """The names of the processors and GPUs that a run used, and where it was exact."""
    used = {
        "CPU": _distinct(process.get("cpu") for process in record["processes"]),
        "GPU": _distinct(process.get("gpu") for process in record["processes"]) or NO_GPU,
    }
    exact = _distinct(
        f"{process.get('gpu', process.get('cpu'))} (integers in float64: {found})"
        for process in record["processes"]
        if (found := process.get("float64_integers"))
    )
    return used | ({"exact arithmetic": exact} if exact else {}) | {"platform": record["platform"]}


def software(record: ProvenanceRecord) -> dict[str, str]:
    """The versions of the software that a run used; several if its processes differ."""
    names = dict.fromkeys(record["versions"])
    for process in record["processes"]:
        names |= dict.fromkeys(process.get("versions", {}))
    used = {"needq": record["needq"]}
    for name in names:
        versions = [record["versions"].get(name)]
        versions += [process.get("versions", {}).get(name) for process in record["processes"]]
        used[name] = _distinct(versions)
    cuda = _distinct(process.get("cuda") for process in record["processes"])
    return used | ({"CUDA": cuda} if cuda else {})


def backends(
    record: ProvenanceRecord, names: Mapping[str, Backend]
) -> tuple[list[str], list[list[str]]]:
    """The headings, and one row of settings and flags per process.

    `names` are the backends of the config. A process of the ledger has that of its side.
    """
    processes = record["processes"]
    factors = list(dict.fromkeys(key for process in processes for key in process["backend"]))
    rows = []
    for process in processes:
        settings = process["backend"]
        known = [name for name, backend in names.items() if backend.model_dump() == dict(settings)]
        row = [", ".join(known) or UNNAMED, *(settings.get(factor) for factor in factors)]
        rows.append([_as_text(value) for value in [*row, *(process.get(flag) for flag in FLAGS)]])
    rows.sort(key=lambda row: (row[0] == UNNAMED, row))
    return ["backend", *factors, *FLAGS.values()], rows


def settings(config: Config) -> list[tuple[str, list[tuple[str, str]]]]:
    """The config as sections of (key, value); values that are no scalars are YAML."""
    sections = []
    for section, values in config.model_dump().items():
        if not isinstance(values, Mapping):
            values = {section: values}
        sections.append((section, [(key, _as_yaml(value)) for key, value in values.items()]))
    return sections


def _as_yaml(value: Any) -> str:
    if isinstance(value, Mapping | list):
        flat = isinstance(value, Mapping) or not any(isinstance(item, str) for item in value)
        text = yaml.safe_dump(
            value,
            sort_keys=False,
            allow_unicode=True,
            width=10_000,
            default_flow_style=flat,
        )
        return text.strip()
    return _as_text(value)


def _as_text(value: Any) -> str:
    """A value as it is written in the config."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _distinct(values: Iterable[Any]) -> str:
    """The different values, in their order."""
    return ", ".join(dict.fromkeys(str(value) for value in values if value))
