"""Provenance: what made a run, in one record that another run can be compared with."""

import importlib.metadata
import platform
from collections.abc import Iterable

from typing_extensions import TypedDict

from needq import __version__
from needq.common.files import canonical_json
from needq.common.rows import Manifest, ProcessRecord

PACKAGES = ("numpy", "safetensors", "tokenizers")


class Inputs(TypedDict):
    """The sha256 of what a run read."""

    model: dict[str, str]
    evaluation_text: str


class ProvenanceRecord(TypedDict):
    """provenance.json."""

    needq: str
    config: dict[str, object]
    cuda: str
    inputs: Inputs
    platform: str
    versions: dict[str, str]
    processes: list[ProcessRecord]


def join_records(
    config: dict[str, object],
    cuda: bool,
    manifest: Manifest,
    text_sha256: str,
    processes: Iterable[ProcessRecord],
) -> ProvenanceRecord:
    """The record of a run; `processes` are the records of the processes that generated texts.

    Processes with equal records are one entry. A backend may have several entries if it ran on
    several machines.
    """
    distinct = {canonical_json(process): process for process in processes}
    return {
        "needq": __version__,
        "config": config,
        "cuda": "yes" if cuda else "no",
        "inputs": {"model": manifest["files"], "evaluation_text": text_sha256},
        "platform": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
        "processes": [distinct[key] for key in sorted(distinct)],
    }
