"""Corruption: stored noise, and the patches that say which slices it replaces.

numpy and safetensors alone, so that this stage never waits for torch. Everything here is portable:
the noise comes from integers (needq.noise), moments from exactly rounded sums, and the arithmetic
that joins them rounds each operation by itself, so the digests are the same on every machine.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from needq.adapters import Adapter, Slice
from needq.files import sha256
from needq.interventions import Intervention
from needq.noise import noise_key, standard_normal


def moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and unbiased standard deviation of all entries, from exactly rounded sums.

    `torch.mean` and `torch.std` of the lecture's notebook, but the same bits on every machine.
    """
    flat = values.astype(np.float64).ravel()
    mean = math.fsum(flat) / flat.size
    deviations = flat - mean
    return mean, math.sqrt(math.fsum(deviations * deviations) / (flat.size - 1))


def gaussian(pristine: np.ndarray, seed: int, matrix: str, block: int) -> np.ndarray:
    """Noise of the shape, mean and unbiased std of a pristine matrix (float32).

    The notebook's `randn_like(q) * std + mean`, with whole-matrix scalars; the moments that the
    noise itself realises are not matched, as they are not there.
    """
    mean, std = moments(pristine)
    normal = standard_normal(noise_key(seed, matrix, block), pristine.shape)
    return (normal * std + mean).astype(np.float32)


METHODS = {"gaussian": gaussian}


def noise_tensors(
    tensors: Mapping[str, np.ndarray], adapter: Adapter, matrix: str, method: str, seed: int
) -> dict[str, np.ndarray]:
    """The noise for one matrix of every block: `N.weight`, and `N.bias` where it has a bias."""
    make = METHODS[method]
    noise = {}
    for block in range(adapter.blocks):
        whole = adapter.matrix(matrix, block)
        noise[f"{block}.weight"] = make(tensors[whole.tensor][whole.index()], seed, matrix, block)
        bias = adapter.bias(matrix, block)
        if bias is not None:
            values = tensors[bias.tensor][bias.index()]
            noise[f"{block}.bias"] = make(values, seed, f"{matrix}.bias", block)
    return noise


def stored_noise(files: Sequence[str | Path]) -> dict[str, dict[str, np.ndarray]]:
    """The noise tensors of each file, by the file's name without its ending."""
    return {Path(file).stem: load_file(file) for file in files}


def replacement(pristine: np.ndarray, noise: np.ndarray, mean: float, dose: float) -> np.ndarray:
    """What a slice becomes (float32): at dose 1 the noise itself.

    A smaller dose d mixes deviations from the matrix's mean m so that the variance stays that of
    the matrix: m + sqrt(1 - d) (W - m) + sqrt(d) (N - m).
    """
    if dose == 1:
        return np.ascontiguousarray(noise)
    kept = (pristine.astype(np.float64) - mean) * math.sqrt(1 - dose)
    added = (noise.astype(np.float64) - mean) * math.sqrt(dose)
    return ((kept + added) + mean).astype(np.float32)


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
