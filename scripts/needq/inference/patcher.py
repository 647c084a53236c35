"""Patches, applied to a loaded model and undone bit for bit."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from needq.backup.architectures import adapter
from needq.common.files import read_json, sha256
from needq.corrupt.methods import replacement
from needq.corrupt.patches import stored_noise
from needq.inference.backend import Model
from needq.inference.native_noise import NativeNoise
from needq.plan.interventions import Intervention

Recipe = Mapping[str, Any]
Noise = Mapping[str, Mapping[str, np.ndarray]]


class Patcher:
    """One model whose slices are replaced and put back.

    `weights` is the backup's model.safetensors; `noise` the stored noise that the recipes draw
    on (`needq.corrupt.stored_noise`), or what takes its place (`recorded` is False then, and its
    digests are not looked at).
    """

    def __init__(self, model: Model, weights: Path, noise: Noise, recorded: bool = True) -> None:
        self.model = model
        self.recorded = recorded
        self.weights = weights
        self.noise = noise
        self.pristine: dict[str, np.ndarray] = {}
        self.checked: set[tuple[Any, ...]] = set()

    @contextmanager
    def applied(self, recipe: Recipe) -> Iterator[None]:
        """The model with the recipe's slices replaced; all bits are back afterwards."""
        tensors: dict[str, np.ndarray] = {}
        for part in recipe["slices"]:
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
            with safe_open(self.weights, framework="numpy") as weights:
                self.pristine[name] = weights.get_tensor(name)
        return self.pristine[name]

    def _values(self, part: Recipe) -> np.ndarray:
        """The replacement of one slice, float32; its digest must be the recipe's."""
        index = _index(part["ranges"])
        noise = self.noise[part["noise"]][part["noise_tensor"]][_index(part["noise_ranges"])]
        pristine = self._pristine(part["tensor"])[index]
        values = replacement(pristine, noise, part["matrix_mean"], part["dose"])
        key = (part["tensor"], str(index), part["noise"], part["dose"])
        if self.recorded and key not in self.checked:
            if sha256(values.data) != part["after"]["sha256"]:
                raise ValueError(f"noise for {part['tensor']} is not what the patch recorded")
            self.checked.add(key)
        return values


def with_recipes(
    members: Sequence[Intervention], files: Sequence[Path]
) -> list[tuple[Intervention, Recipe]]:
    """Each intervention with its recipe, from files of recipes that may hold others too."""
    recipes = {
        (recipe["intervention"], recipe["noise_seed"]): recipe
        for file in files
        for recipe in read_json(file)
    }
    return [(member, recipes[member.id, member.noise_seed]) for member in members]


def patcher(
    model: Model, weights: Path, backend: Mapping[str, Any], files: Sequence[Path]
) -> Patcher:
    """The patcher of a backend: with the stored noise of `files`, or noise drawn on its device."""
    if backend["noise"] == "native":
        sizes = adapter(read_json(Path(weights).with_name("config.json")))
        return Patcher(model, weights, NativeNoise(weights, sizes, model.device), recorded=False)
    return Patcher(model, weights, stored_noise(files))


def _index(ranges: Sequence[Sequence[int]]) -> tuple[slice, ...]:
    return tuple(slice(start, stop) for start, stop in ranges)
