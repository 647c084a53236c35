"""The instruction set that torch's own kernels use, chosen before torch is imported."""

import os
from collections.abc import Mapping
from typing import Any


def choose_instructions(backend: Mapping[str, Any]) -> None:
    """Tell torch, which reads this when it is imported, to use baseline kernels or the best ones.

    Matrix products come from another library (MKL or oneDNN), which this leaves alone.
    """
    if backend["instructions"] == "baseline":
        os.environ["ATEN_CPU_CAPABILITY"] = "default"
    else:
        os.environ.pop("ATEN_CPU_CAPABILITY", None)
