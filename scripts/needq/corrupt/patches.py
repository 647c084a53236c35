"""Patches: which slices an intervention replaces, by which noise, with moments and digests.

numpy and safetensors alone, so that this stage never waits for torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from needq.backup.architectures import Adapter, Slice
from needq.common.files import sha256
from needq.corrupt.methods import moments, replacement
from needq.plan.interventions import Intervention


def stored_noise(files: Sequence[str | Path]) -> dict[str, dict[str, np.ndarray]]:
    """The noise tensors of each file, by the file's name without its ending."""
    return {Path(file).stem: load_file(file) for file in files}


def patches(
    interventions: Sequence[Intervention],
    adapter: Adapter,
    tensors: Mapping[str, np.ndarray],
    noise: Mapping[str, Mapping[str, np.ndarray]],
) -> list[dict[str, Any]]:
    """The recipe of each intervention: slices, noise, moments before and after, digests.

    `noise` holds the noise tensors by the name of their file. Returns plain values for JSON; for
    the pristine model the list of slices is empty.
    """
    known: dict[tuple[Any, ...], dict[str, Any]] = {}  # a slice is the same in every block set
    means: dict[Slice, float] = {}  # of whole matrices, the same for all their slices and seeds
    recipes = []
    for intervention in interventions:
        slices = []
        for part, whole, name in _slices(intervention, adapter):
            key = (part, intervention.noise, intervention.dose)
            if key not in known:
                if whole not in means:
                    means[whole], _ = moments(tensors[whole.tensor][whole.index()])
                drawn = noise[intervention.noise][name][part.within(whole)]
                known[key] = _slice_recipe(
                    part, whole, name, intervention, tensors[part.tensor], drawn, means[whole]
                )
            slices.append(known[key])
        recipes.append(
            {
                "intervention": intervention.id,
                "noise_seed": intervention.noise_seed,
                "slices": slices,
            }
        )
    return recipes


def _slices(intervention: Intervention, adapter: Adapter) -> Iterator[tuple[Slice, Slice, str]]:
    """Each slice that is replaced, the matrix or bias it is part of, and its noise tensor."""
    for block in intervention.blocks:
        whole = adapter.matrix(intervention.matrix, block)
        for part in adapter.parts(
            intervention.matrix, block, intervention.heads, intervention.dimensions
        ):
            yield part, whole, f"{block}.weight"
        bias = adapter.bias(intervention.matrix, block)
        if intervention.bias == "replace" and bias is not None:
            for part in adapter.bias_parts(intervention.matrix, block, intervention.heads):
                yield part, bias, f"{block}.bias"


def _slice_recipe(
    part: Slice,
    whole: Slice,
    name: str,
    intervention: Intervention,
    tensor: np.ndarray,
    noise: np.ndarray,
    mean: float,
) -> dict[str, Any]:
    """How one slice is replaced, and what it holds before and after.

    `tensor` is the whole tensor, `noise` that of the slice, `mean` that of the whole matrix.
    """
    before = tensor[part.index()]
    after = replacement(before, noise, mean, intervention.dose)
    return {
        "block": int(name.split(".")[0]),
        "tensor": part.tensor,
        "ranges": [list(axis) for axis in part.ranges],
        "noise": intervention.noise,
        "noise_tensor": name,
        "noise_ranges": [[axis.start, axis.stop] for axis in part.within(whole)],
        "dose": intervention.dose,
        "matrix_mean": mean,
        "before": _described(before),
        "after": _described(after),
    }


def _described(values: np.ndarray) -> dict[str, Any]:
    """Moments and digest of a slice; a single value has no standard deviation."""
    mean, std = moments(values) if values.size > 1 else (float(values.ravel()[0]), None)
    return {"mean": mean, "std": std, "sha256": sha256(np.ascontiguousarray(values).data)}
