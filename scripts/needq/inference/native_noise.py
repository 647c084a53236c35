"""Native noise: drawn by torch on the device, as the lecture's notebook does, or as on a GPU.

With one seed, `torch.randn` gives different numbers on another device, and on a CPU with another
instruction set. Keyed noise (needq.corrupt.keyed) does not have this difference.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from needq.backup.architectures import find_architecture
from needq.backup.layout import Architecture, Matrix
from needq.common.backends import Backend, Gpu
from needq.common.files import read_made
from needq.common.keys import noise_parts, tensor_name
from needq.common.tensors import opened_tensors
from needq.common.values import GpuName
from needq.inference.cuda_stream import CudaStreams
from needq.inference.sampling import seeded_stream, stream_seed

Stream = torch.Generator | CudaStreams


class NativeNoise(dict[str, dict[str, np.ndarray]]):
    """Noise in place of the stored noise of the same name; drawn when it is first asked for.

    `streams` makes the random stream of what it is told; without it, they are the device's own.
    """

    def __init__(
        self,
        weights: Path,
        architecture: Architecture,
        device: torch.device,
        streams: Callable[..., Stream] | None = None,
    ) -> None:
        super().__init__()
        self.weights, self.architecture, self.device = weights, architecture, device
        self.streams = streams or partial(seeded_stream, device)

    def __missing__(self, name: str) -> dict[str, np.ndarray]:
        matrices, _, seed = noise_parts(name)
        tensors, singles = {}, self.architecture.singles(matrices)
        with opened_tensors(self.weights, "pt") as weights:
            for block, matrix in product(range(self.architecture.n_blocks), singles):
                places: dict[str, Matrix | None] = {
                    "weight": self.architecture.matrix(matrix, block),
                    "bias": self.architecture.bias(matrix, block),
                }
                for kind, place in places.items():
                    if place is not None:
                        pristine = _read(weights.get_slice(place.tensor), place)
                        meaning = ("native noise", seed, matrix, block, kind)
                        drawn = native_gaussian(pristine.to(self.device), self.streams(*meaning))
                        tensors[tensor_name(block, matrix, kind)] = drawn.cpu().numpy()
        self[name] = tensors
        return tensors


def _read(stored: Any, place: Matrix) -> torch.Tensor:
    """A matrix from its slices of an opened tensor."""
    parts = [stored[part.index()] for part in place.slices]
    # one slice stays as it is in memory, since the order of torch's sums follows from that
    return parts[0] if len(parts) == 1 else torch.cat(parts, place.axis)


def native_noise(weights: Path, backend: Backend, device: torch.device) -> NativeNoise:
    """The noise of a backend that has noise of its own: drawn on `device`, or as on its GPU.

    `weights` is the backup's model.safetensors.
    """
    architecture = find_architecture(read_made(weights.with_name("config.json"), dict))
    streams = partial(gpu_stream, backend.gpu) if backend.noise == "cuda" else None
    return NativeNoise(weights, architecture, device, streams)


def gpu_stream(gpu: Gpu | GpuName | None, *meaning: str | int) -> CudaStreams:
    """A GPU's random stream, computed on the CPU, seeded by what it is for."""
    return CudaStreams([stream_seed(*meaning)], gpu)


def native_gaussian(pristine: torch.Tensor, stream: Stream) -> torch.Tensor:
    """Noise by the notebook's `randn_like(q) * std + mean`, on the device of the matrix."""
    if isinstance(stream, CudaStreams):
        normal = torch.from_numpy(stream.normal(pristine.numel())[0]).reshape(pristine.shape)
    else:
        normal = torch.randn(pristine.shape, generator=stream, device=pristine.device)
    return normal * pristine.std() + pristine.mean()
