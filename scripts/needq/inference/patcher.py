"""Patches, applied to a loaded model and undone bit for bit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from needq.common.files import damaged, sha256
from needq.common.settings import Backend
from needq.common.tensors import opened_tensors
from needq.corrupt.methods import replacement
from needq.corrupt.patches import Noise, SlicePatch, noise_tensor, stored_noise
from needq.inference.backend import Model
from needq.inference.native_noise import native_noise


class Patcher:
    """One model whose slices are replaced and put back.

    `weights` is the backup's model.safetensors. `noise` is the stored noise that the patches draw
    on (`needq.corrupt.patches.stored_noise`), or noise that takes its place. `recorded` is False
    for the latter: the patches do not have its digests.
    """

    def __init__(self, model: Model, weights: Path, noise: Noise, recorded: bool = True) -> None:
        self.model = model
        self.recorded = recorded
        self.weights = weights
        self.noise = noise
        self.pristine: dict[str, np.ndarray] = {}
        self.checked: set[tuple[str, str, str, float]] = set()

    @contextmanager
    def applied(self, slices: Sequence[SlicePatch]) -> Iterator[None]:
        """The model with these slices replaced; all bits are back afterwards."""
        tensors: dict[str, np.ndarray] = {}
        for part in slices:
            name = part["tensor"]
            if name not in tensors:
                tensors[name] = self._pristine(name).copy()
            tensors[name][_index(part["ranges"])] = self._values(part)
        try:
            for name, tensor in tensors.items():
                self.model.replace(name, torch.from_numpy(tensor))
            yield
        finally:
            self.model.restore()

    def _pristine(self, name: str) -> np.ndarray:
        """A tensor of the backup, read once."""
        if name not in self.pristine:
            with opened_tensors(self.weights) as weights:
                self.pristine[name] = weights.get_tensor(name)
        return self.pristine[name]

    def _values(self, part: SlicePatch) -> np.ndarray:
        """The replacement of one slice, float32; its digest must be the one in the patch."""
        index = _index(part["ranges"])
        noise = noise_tensor(self.noise, part["noise"], part["noise_tensor"])
        pristine = self._pristine(part["tensor"])[index]
        drawn = noise[_index(part["noise_ranges"])]
        values = replacement(pristine, drawn, part["matrix_mean"], part["noise_fraction"])
        key = (part["tensor"], str(index), part["noise"], part["noise_fraction"])
        if self.recorded and key not in self.checked:
            if sha256(values.data) != part["after"]["sha256"]:
                reason = f"the noise for {part['tensor']} is not what the patch recorded"
                raise damaged(f"{part['noise']}.safetensors", reason)
            self.checked.add(key)
        return values


def make_patcher(
    model: Model, weights: Path, backend: Backend, noise_files: Sequence[str | Path]
) -> Patcher:
    """The patcher of a backend: with the stored noise of files, or noise as a device draws it."""
    if backend.noise != "keyed":
        noise = native_noise(weights, backend, model.device)
        return Patcher(model, weights, noise, recorded=False)
    return Patcher(model, weights, stored_noise(noise_files))


def _index(ranges: Sequence[Sequence[int]]) -> tuple[slice, ...]:
    return tuple(slice(start, stop) for start, stop in ranges)
