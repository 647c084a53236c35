"""Backends: how a model is loaded and computed with, and the record of it."""

import ctypes
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor

from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.files import read_made
from needq.common.rows import ProcessRecord
from needq.exact.device import check_device

T = TypeVar("T")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST_KEPT, MOST_KEPT = 1 << 25, 1 << 29  # bytes; glibc takes no more for the first


class Model(Protocol):
    """What generation and scoring know of a model, whatever its arithmetic."""

    device: torch.device
    n_blocks: int
    exact: bool  # whether its logits are the same bits on every machine

    def logits(
        self, ids: Tensor, cache: Any = None, mask: Tensor | None = None, last: bool = False
    ) -> tuple[Tensor, Any]:
        """Logits of the next token after each of ids (or the `last` alone), and the new cache."""

    def begin(self, ids: Tensor, mask: Tensor, keep: bool = False) -> Any:
        """The residual stream before the first block; ids and mask as in `logits`.

        `keep` keeps the keys and values of each block, for `cache`.
        """

    def block(self, index: int, stream: Any) -> Any:
        """The residual stream after one more block."""

    def hidden(self, stream: Any) -> Tensor:
        """What `head` takes, after the last block: [batch, tokens, width]."""

    def head(self, hidden: Tensor) -> Tensor:
        """The logits [..., vocabulary] of what `hidden` gave, or of some of its tokens."""

    def cache(self, stream: Any, rows: Sequence[Tensor]) -> Any:
        """The cache after the last block, of the rows of a stream that kept it.

        `rows` says for each block which of its rows in the batch they were.
        """

    def bytes_per_token(self) -> int:
        """The memory that the keys and values of one token of one row take."""

    def replace(self, name: str, tensor: Tensor) -> None:
        """Use `tensor` in place of the weight of that name, until `restore`."""

    def replace_rows(
        self, module: str, rows: range, outputs: range, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Let some rows of every batch have another weight and bias for some outputs of a module.

        `weight` and `bias` are those of these outputs, in the orientation of model.safetensors.
        This holds until `restore`.
        """

    def output_axis(self, module: str) -> int:
        """The axis of a module's weight, as model.safetensors has it, that its outputs are on."""

    def restore(self) -> None:
        """Undo every `replace` and `replace_rows`, bit for bit."""


def prepare(backend: Backend) -> None:
    """Set this process up for a backend: threads, and determinism where torch offers it.

    Raises UserError if the backend needs a CUDA device and there is none.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    # cuBLAS reads this when its first handle is made; without it, its workspace varies
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if backend.device == "cuda" and not torch.cuda.is_available():
        raise UserError("this job's backend needs a CUDA device, and its machine shows none")
    torch.set_num_threads(backend.threads)
    # use_deterministic_algorithms would tell torch's compiler too, and import it, which takes 1 s
    torch.set_deterministic_debug_mode("error")
    # this would fill every new tensor with nan before anything is written to it
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _keep_memory()
    torch.backends.cuda.matmul.allow_tf32 = backend.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = backend.precision == "tf32"


def _keep_memory() -> None:
    """Let this process keep memory that it frees, where the C library is glibc.

    By default, glibc returns large blocks to the kernel, which clears each of their pages when they
    are needed again. This took a tenth of the time of scoring pocket-gpt2.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)


def load(backup: Path, backend: Backend) -> Model:
    """The backed-up model in the backend's arithmetic and precision, on its device."""
    if backend.arithmetic == "exact":
        from needq.exact.load import load_exact

        config = read_made(backup / "config.json", dict)
        return load_exact(config, load_file(backup / "model.safetensors"), backend.device)
    # transformers takes seconds to import, and exact arithmetic never needs it
    from needq.inference.native import NativeModel, load_transformers

    return NativeModel(load_transformers(backup, backend))


def record(backend: Backend) -> ProcessRecord:
    """What a process computed with: backend, versions, hardware, flags."""
    process: ProcessRecord = {
        "backend": backend.model_dump(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": importlib.metadata.version("transformers"),
        },
        "cpu": _cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }
    if backend.device == "cuda":
        process["gpu"] = torch.cuda.get_device_name()
        process["cuda"] = str(torch.version.cuda)
    if backend.arithmetic == "exact":
        process["float64_integers"] = check_device(torch.device(backend.device))
    return process


def _cpu_name() -> str:
    """The processor's name as Linux gives it, or the architecture's."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def require_finite(logits: Tensor) -> Tensor:
    """The logits, if all are finite; UserError if not: a 16-bit format may overflow."""
    low, high = logits.aminmax()  # one pass; both are nan if any logit is
    if not (low.isfinite() and high.isfinite()):
        raise UserError(
            "logits are not finite under this backend; "
            "choose a wider precision (divergence.backends)"
        )
    return logits


def batches(rows: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut rows into batches of at most `size`."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
