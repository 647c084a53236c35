"""Backends: how a model is loaded and computed with, and the record of it."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

from needq.errors import UserError


def prepare(backend: Mapping[str, Any]) -> None:
    """Set this process up for a backend: threads, and determinism where torch offers it.

    Raises UserError if the backend needs a CUDA device and there is none.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    # read by cuBLAS when its first handle is made; without it, its workspace varies
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if backend["device"] == "cuda" and not torch.cuda.is_available():
        raise UserError("this job's backend needs a CUDA device, and its machine shows none")
    torch.set_num_threads(backend["threads"])
    torch.use_deterministic_algorithms(True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def load(backup: Path, backend: Mapping[str, Any]) -> PreTrainedModel:
    """The backed-up model in the backend's precision, on its device, for inference."""
    model = AutoModelForCausalLM.from_pretrained(
        backup,
        dtype=getattr(torch, backend["precision"]),
        attn_implementation=backend["kernels"],
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model.to(backend["device"]).eval().requires_grad_(False)


def record(backend: Mapping[str, Any]) -> dict[str, Any]:
    """What a process computed with: backend, versions, hardware, flags."""
    found = {
        "backend": dict(backend),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "cpu": _cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }
    if backend["device"] == "cuda":
        found["gpu"] = torch.cuda.get_device_name()
        found["cuda"] = torch.version.cuda
    return found


def _cpu_name() -> str:
    """The processor's name as Linux gives it, or the architecture's."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def batches(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Cut rows into runs of at most `size`."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
