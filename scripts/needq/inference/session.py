"""Sessions: how every job that computes with a model gets it, prepared and ready to be patched.

torch reads which instruction set to use when it is imported. So a session first chooses that, and
then imports torch. A script imports the modules that use torch inside its session.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from needq.common.backends import Backend
from needq.common.logs import job
from needq.common.rows import ProcessRecord
from needq.common.tensors import check_weights
from needq.corrupt.patches import Patch, read_patches


@contextmanager
def session(
    backend: Backend,
    weights: str | Path,
    log: str,
    noise: Sequence[str] = (),
    patches: Sequence[str] = (),
    **chosen: Any,
) -> Iterator[Session]:
    """A job (`logs.job`) with the model of a backend, and the patches that it works under.

    `weights` is the backup's model.safetensors, `noise` are the files of stored noise, and
    `patches` those of patches. `chosen` says which of the patches (`read_patches`).
    """
    choose_instruction_set(backend)
    with job(log):
        with _nothing_collected():
            work = Session(backend, Path(weights), noise, read_patches(patches, **chosen))
        yield work


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """No search for unused objects: imports make many objects, nearly all of which stay.

    The searches took a quarter of the time that a job needs to start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what is there now stays, and need not be looked through again
        gc.enable()


def choose_instruction_set(backend: Backend) -> None:
    """Tell torch, which reads this when it is imported, to use baseline kernels or the best ones.

    Matrix products come from another library (MKL or oneDNN), which this leaves alone.
    """
    if backend.instruction_set == "baseline":
        os.environ["ATEN_CPU_CAPABILITY"] = "default"
    else:
        os.environ.pop("ATEN_CPU_CAPABILITY", None)


class Session:
    """A model under one backend, its patcher, and the patches that a job works under."""

    def __init__(
        self, backend: Backend, weights: Path, noise: Sequence[str], patches: Sequence[Patch]
    ) -> None:
        from needq.inference.backend import load, prepare
        from needq.inference.patcher import make_patcher

        prepare(backend)
        check_weights(weights)
        self.backend, self.weights, self.patches = backend, weights, patches
        self.model = load(weights.parent, backend)
        self.patcher = make_patcher(self.model, weights, backend, noise)

    def fuse(self) -> None:
        """Let a native model use fewer and faster kernels, unless its backend has `stack: false`.

        Its last bits change (`inference/fused.py`). Exact arithmetic stays as it is.
        """
        if self.backend.stack and not self.model.exact:
            # transformers takes seconds to import, and exact arithmetic never needs it
            from needq.inference.fused import fuse

            model: Any = self.model  # a NativeModel
            fuse(model)

    def record(self) -> ProcessRecord:
        """What this process computes with."""
        from needq.inference.backend import record

        return record(self.backend)
