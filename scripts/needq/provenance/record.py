"""Provenance: what made a run, in one record that another run can be held against."""

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from typing import Any

from needq import __version__
from needq.common.files import canonical_json

PACKAGES = ("numpy", "safetensors", "tokenizers")


def joined(
    config: Mapping[str, Any],
    cuda: bool,
    manifest: Mapping[str, Any],
    text_sha256: str,
    processes: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """The record of a run; `processes` are what generating processes recorded of themselves.

    Processes of one backend that ran alike are one entry; on a cluster there may be several.
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
