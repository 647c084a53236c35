"""Patches, applied in place to a loaded model and undone bit for bit."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from torch import nn

from needq.corrupt import replacement
from needq.files import sha256

Recipe = Mapping[str, Any]


class Patcher:
    """One model whose slices are replaced and put back.

    `weights` is the backup's model.safetensors; `noise` names the stored noise files that the
    recipes draw on.
    """

    def __init__(self, model: nn.Module, weights: Path, noise: Sequence[Path]) -> None:
        self.parameters = dict(model.named_parameters())
        self.weights = weights
        self.noise = {Path(file).stem: load_file(file) for file in noise}
        self.known: dict[tuple[Any, ...], torch.Tensor] = {}

    @contextmanager
    def applied(self, recipe: Recipe) -> Iterator[None]:
        """The model with the recipe's slices replaced; all bits are back afterwards."""
        undo: list[tuple[torch.Tensor, torch.Tensor]] = []
        try:
            for part in recipe["slices"]:
                target = self.parameters[part["tensor"]].detach()[_index(part["ranges"])]
                undo.append((target, target.clone()))
                target.copy_(self._values(part))
            yield
        finally:
            for target, pristine in reversed(undo):
                target.copy_(pristine)

    def _values(self, part: Recipe) -> torch.Tensor:
        """The replacement of one slice, float32; its digest must be the recipe's."""
        key = (part["tensor"], str(part["ranges"]), part["noise"], part["dose"])
        if key not in self.known:
            noise = self.noise[part["noise"]][part["noise_tensor"]][_index(part["noise_ranges"])]
            with safe_open(self.weights, framework="numpy") as weights:
                pristine = weights.get_slice(part["tensor"])[_index(part["ranges"])]
            values = replacement(pristine, noise, part["matrix_mean"], part["dose"])
            if sha256(values.data) != part["after"]["sha256"]:
                raise ValueError(f"noise for {part['tensor']} is not what the patch recorded")
            self.known[key] = torch.from_numpy(values.copy())
        return self.known[key]


def _index(ranges: Sequence[Sequence[int]]) -> tuple[slice, ...]:
    return tuple(slice(start, stop) for start, stop in ranges)
