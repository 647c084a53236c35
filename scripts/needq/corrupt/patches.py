"""Patches: which slices an intervention replaces, by which noise, with moments and digests.

A patch carries its intervention from here on: every later job reads it from the patch files. This
module needs numpy and safetensors alone, so this stage never waits for torch.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from typing_extensions import TypedDict

from needq.backup.layout import Architecture, Matrix, Slice
from needq.common.files import damaged, read_made, sha256, write_json
from needq.common.keys import tensor_name
from needq.common.rows import InterventionKeys
from needq.common.tensors import read_tensors
from needq.corrupt.methods import moments, replacement
from needq.plan.interventions import Intervention

Noise = Mapping[str, Mapping[str, np.ndarray]]  # by the stored noise's name and its tensor's


class SliceContent(TypedDict):
    """Moments and digest of a slice; a single value has no standard deviation."""

    mean: float
    std: float | None
    sha256: str


class SlicePatch(TypedDict):
    """How one slice of a tensor is replaced, and what it holds before and after."""

    block: int
    tensor: str
    ranges: list[list[int]]  # half-open, along each axis of the tensor
    noise: str
    noise_tensor: str
    noise_ranges: list[list[int]]
    noise_fraction: float
    matrix_mean: float
    before: SliceContent
    after: SliceContent


class PatchRecord(InterventionKeys):
    """A patch in its file."""

    slices: list[SlicePatch]


@dataclass(frozen=True)
class Patch:
    """What one intervention replaces; `slices` is empty for the pristine model."""

    sweep: str
    intervention: str
    block: int | None
    blocks_replaced: int
    noise_seed: int | None
    slices: list[SlicePatch]

    def keys(self) -> InterventionKeys:
        """The columns by which every table knows the intervention."""
        return {
            "sweep": self.sweep,
            "intervention": self.intervention,
            "block": self.block,
            "blocks_replaced": self.blocks_replaced,
            "noise_seed": self.noise_seed,
        }


def read_patches(
    files: Iterable[str | Path],
    sweep: str | None = None,
    blocks_replaced: Collection[int] | None = None,
    noise_seeds: Collection[int | None] | None = None,
) -> list[Patch]:
    """The patches in some files, of one sweep, some numbers of blocks and some noise seeds.

    None means all of them.
    """
    patches = [Patch(**values) for file in files for values in read_made(file, list[PatchRecord])]
    return [
        patch
        for patch in patches
        if sweep in (None, patch.sweep)
        and (blocks_replaced is None or patch.blocks_replaced in blocks_replaced)
        and (noise_seeds is None or patch.noise_seed in noise_seeds)
    ]


def write_patches(path: str | Path, patches: Iterable[Patch]) -> None:
    """Write patches as JSON in one step."""
    write_json(path, [asdict(patch) for patch in patches])


def stored_noise(files: Sequence[str | Path]) -> dict[str, dict[str, np.ndarray]]:
    """The noise tensors of each file, by the file's name without its ending."""
    return {Path(file).stem: read_tensors(file) for file in files}


def noise_tensor(noise: Noise, stored: str, name: str) -> np.ndarray:
    """A tensor of a stored noise. UserError if it is not there."""
    try:
        return noise[stored][name]
    except KeyError:
        raise damaged(f"{stored}.safetensors", f"it has no tensor {name}") from None


def make_patches(
    interventions: Sequence[Intervention],
    architecture: Architecture,
    tensors: Mapping[str, np.ndarray],
    noise: Noise,
) -> list[Patch]:
    """The patch of each intervention: slices, noise, moments before and after, digests."""
    known: dict[tuple[Slice, str, float], SlicePatch] = {}  # the same in every set of blocks
    means: dict[Matrix, float] = {}  # of whole matrices, the same for all their slices and seeds
    patches = []
    for intervention in interventions:
        slices = []
        for part, whole, stored, name in _slices(intervention, architecture):
            key = (part, stored, intervention.noise_fraction)
            if key not in known:
                if whole not in means:
                    means[whole], _ = moments(whole.of(tensors))
                drawn = noise_tensor(noise, stored, name)[part.within()]
                known[key] = _slice_patch(
                    part,
                    stored,
                    name,
                    intervention.noise_fraction,
                    tensors[part.tensor],
                    drawn,
                    means[whole],
                )
            slices.append(known[key])
        patches.append(Patch(**intervention.keys(), slices=slices))
    return patches


def _slices(
    intervention: Intervention, architecture: Architecture
) -> Iterator[tuple[Slice, Matrix, str, str]]:
    """Each slice that is replaced, its matrix or bias, the stored noise and the tensor in it."""
    heads, dimensions = intervention.heads, intervention.dimensions
    if intervention.group is not None:
        number, groups = intervention.group
        ends = [architecture.width * end // groups for end in (number, number + 1)]
        dimensions = tuple(range(*ends))
    for block in intervention.block_indices:
        for matrices, stored in intervention.noises.items():
            for matrix in architecture.singles(matrices):
                whole = architecture.matrix(matrix, block)
                for part in architecture.parts(matrix, block, heads, dimensions):
                    yield part, whole, stored, tensor_name(block, matrix, "weight")
                bias = architecture.bias(matrix, block)
                if intervention.bias == "replace" and bias is not None:
                    for part in architecture.bias_parts(matrix, block, heads):
                        yield part, bias, stored, tensor_name(block, matrix, "bias")


def _slice_patch(
    part: Slice,
    stored: str,
    name: str,
    noise_fraction: float,
    tensor: np.ndarray,
    noise: np.ndarray,
    mean: float,
) -> SlicePatch:
    """How one slice is replaced, and what it holds before and after.

    `stored` and `name` say where its noise is. `tensor` is the whole tensor, `noise` that of the
    slice, `mean` that of the whole matrix.
    """
    before = tensor[part.index()]
    after = replacement(before, noise, mean, noise_fraction)
    return {
        "block": int(name.split(".")[0]),
        "tensor": part.tensor,
        "ranges": [list(axis) for axis in part.ranges],
        "noise": stored,
        "noise_tensor": name,
        "noise_ranges": [[axis.start, axis.stop] for axis in part.within()],
        "noise_fraction": noise_fraction,
        "matrix_mean": mean,
        "before": _content(before),
        "after": _content(after),
    }


def _content(values: np.ndarray) -> SliceContent:
    """Moments and digest of a slice."""
    mean, std = moments(values) if values.size > 1 else (float(values.ravel()[0]), None)
    return {"mean": mean, "std": std, "sha256": sha256(np.ascontiguousarray(values).data)}
