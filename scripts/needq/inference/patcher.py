"""Patches, applied to a loaded model and undone bit for bit."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from needq.common.backends import Backend
from needq.common.files import canonical_json, damaged, sha256
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
            if tensors:
                self.model.restore()

    @contextmanager
    def stacked(self, replaced: Sequence[Sequence[SlicePatch]], rows: int) -> Iterator[None]:
        """The model with slices replaced in some rows of a batch alone; all is back afterwards.

        The first `rows` rows have the first slices of `replaced` replaced, and so on.
        """
        if len(replaced) == 1:
            with self.applied(replaced[0]):
                yield
            return
        try:
            for module in sorted({_module(part) for slices in replaced for part in slices}):
                own = [[part for part in s if _module(part) == module] for s in replaced]
                numbered = groupby(enumerate(own), lambda pair: canonical_json(pair[1]))
                for _, group in numbered:
                    alike = list(group)
                    first, slices = alike[0]
                    if slices:
                        batch_rows = range(first * rows, (first + len(alike)) * rows)
                        self._replace_rows(module, batch_rows, slices)
            yield
        finally:
            self.model.restore()

    def _replace_rows(self, module: str, rows: range, slices: Sequence[SlicePatch]) -> None:
        """Replace the outputs of a module that the slices reach, in some rows of a batch."""
        axes = {f"{module}.weight": self.model.output_axis(module), f"{module}.bias": 0}
        for outputs in _merged(part["ranges"][axes[part["tensor"]]] for part in slices):
            weight, bias = (self._patched(name, axes[name], outputs, slices) for name in axes)
            assert weight is not None
            self.model.replace_rows(module, rows, outputs, weight, bias)

    def _patched(
        self, name: str, axis: int, outputs: range, slices: Sequence[SlicePatch]
    ) -> torch.Tensor | None:
        """Some outputs of a tensor, which lie along an axis, with slices replaced.

        None if the model has no tensor of that name, as a module may have no bias.
        """
        if name not in self._names:
            return None
        cut = (slice(None),) * axis + (slice(outputs.start, outputs.stop),)
        patched = self._pristine(name)[cut].copy()
        for part in slices:
            if part["tensor"] == name and part["ranges"][axis][0] in outputs:
                place = list(_index(part["ranges"]))
                start, stop = part["ranges"][axis]
                place[axis] = slice(start - outputs.start, stop - outputs.start)
                patched[tuple(place)] = self._values(part)
        return torch.from_numpy(patched)

    @cached_property
    def _names(self) -> set[str]:
        """The names of the backup's tensors."""
        with opened_tensors(self.weights) as weights:
            return set(weights.keys())

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


def _module(part: SlicePatch) -> str:
    """The module whose weight or bias a slice is part of."""
    return part["tensor"].rpartition(".")[0]


def _merged(ranges: Iterable[list[int]]) -> list[range]:
    """The same indices in as few ranges as possible, in ascending order."""
    merged: list[range] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, stop))
        else:
            merged.append(range(start, stop))
    return merged


def _index(ranges: Sequence[Sequence[int]]) -> tuple[slice, ...]:
    return tuple(slice(start, stop) for start, stop in ranges)
