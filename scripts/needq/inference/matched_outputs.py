"""The MLP, mixed with so much noise that a block's output changes as much as by noise in W_Q.

The change of a block's output is |y' - y| / |y|, mean over tokens. y is the residual stream after
the block, where the stream of the pristine model comes to it, and y' the same with something
replaced in the block. A mixture of the MLP's matrices with noise (`methods.replacement`) changes it
more the larger the share of noise is. The share is (k / STEPS)^2, where k is found between one that
changes too little and one that changes enough.

Changes in float64 differ between machines by some 1e-13 of their size, and k is a whole number. Two
machines find another k with a probability of about 1e-8. After that every operation is rounded
correctly, so all machines get the same mixture.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count

import numpy as np
import torch
from torch import Tensor

from needq.backup.layout import Matrix
from needq.common.keys import tensor_name
from needq.common.logs import progress
from needq.common.rows import OutputChange
from needq.corrupt.methods import moments, replacement
from needq.inference.attention import Watched, queries
from needq.inference.native import NativeStream

STEPS = 1 << 16  # that the root of the share of noise, from 0 to 1, is cut into

Tensors = Mapping[str, np.ndarray]


class Block:
    """One block, with the residual stream of the pristine model before it."""

    def __init__(
        self, watched: Watched, tensors: Tensors, index: int, stream: NativeStream, chosen: Tensor
    ) -> None:
        """`tensors` are the pristine ones, `chosen` [batch, tokens] the tokens that count."""
        self.watched, self.tensors, self.index = watched, tensors, index
        self.stream, self.chosen = stream, chosen
        self.after = watched.model.block(index, stream)

    def change(self, new: Sequence[tuple[Matrix, np.ndarray]]) -> float:
        """How much the output changes with some matrices replaced: |y' - y| / |y|."""
        with self.watched.replaced(self.tensors, new):
            other = self.watched.model.block(self.index, self.stream)
        assert other.x is not None
        assert self.after.x is not None
        difference, size = (part.norm(dim=-1) for part in (other.x - self.after.x, self.after.x))
        return float((difference / size)[self.chosen].mean())


class Mixtures:
    """Some matrices of a block, mixed with more and more noise."""

    def __init__(self, block: Block, places: Mapping[str, Matrix]) -> None:
        self.block, self.places = block, places
        self.pristine = {name: place.of(block.tensors) for name, place in places.items()}
        self.means = {name: moments(values)[0] for name, values in self.pristine.items()}

    def mixed(self, noise: Tensors, k: int) -> dict[str, np.ndarray]:
        """The matrices with the share `share_of_noise(k)` of noise, which has the same names."""
        share = share_of_noise(k)
        return {
            name: replacement(values, noise[name], self.means[name], share)
            for name, values in self.pristine.items()
        }

    def change(self, noise: Tensors, k: int) -> float:
        """How much the output of the block changes by `mixed`."""
        mixed = self.mixed(noise, k).items()
        return self.block.change([(self.places[name], new) for name, new in mixed])


@torch.inference_mode()
def matched_mixtures(
    watched: Watched,
    tensors: Tensors,
    matrix: str,
    noises: Mapping[int, tuple[Tensors, Tensors]],
    ids: Tensor,
    mask: Tensor,
) -> tuple[dict[int, dict[str, np.ndarray]], list[OutputChange]]:
    """What replaces "mlp", "mlp_in" or "mlp_out" in each block, by noise seed, and what it changes.

    `noises` has for each noise seed the Gaussian noise of W_Q, and that of `matrix`. The model of
    `watched` computes in float64; `tensors` are its pristine ones. `ids` and `mask` [batch, tokens]
    are the documents that changes are measured on.
    """
    architecture, chosen = watched.architecture, queries(mask)
    made: dict[int, dict[str, np.ndarray]] = {seed: {} for seed in noises}
    changes: list[OutputChange] = []
    stream = watched.model.begin(ids, mask)
    for index in progress(range(architecture.n_blocks), "match outputs, block"):
        block = Block(watched, tensors, index, stream, chosen)
        query = architecture.matrix("q", index)
        places = {
            tensor_name(index, one, "weight"): architecture.matrix(one, index)
            for one in architecture.singles(matrix)
        }
        mixtures = Mixtures(block, places)
        for seed, (of_query, own) in noises.items():
            wanted = block.change([(query, of_query[tensor_name(index, "q", "weight")])])
            whole = mixtures.change(own, STEPS)
            k, change = nearest(partial(mixtures.change, own), wanted, whole)
            made[seed] |= mixtures.mixed(own, k)
            changes.append(
                {
                    "matrix": matrix,
                    "block": index,
                    "noise_seed": seed,
                    "noise_fraction": share_of_noise(k),
                    "change": change,
                    "change_w_q": wanted,
                    "change_all_noise": whole,
                }
            )
        stream = block.after
    return made, changes


def share_of_noise(k: int) -> float:
    """The share of the variance that is noise: changes are about proportional to its root."""
    return (k / STEPS) ** 2


def nearest(change: Callable[[int], float], wanted: float, whole: float) -> tuple[int, float]:
    """The k from 0 to STEPS whose change is nearest to `wanted`, and its change.

    The change is 0 at k = 0 and `whole` at STEPS. It is STEPS if even that changes too little.
    """
    low, high = (0, 0.0), (STEPS, whole)
    if whole <= wanted:
        return high
    for turn in count():
        room = high[0] - low[0]
        if room <= 1:
            break
        # the change is nearly proportional to k; halves make sure that it ends soon
        part = (wanted - low[1]) / (high[1] - low[1]) if turn % 3 < 2 else 0.5
        k = low[0] + min(max(round(part * room), 1), room - 1)
        found = (k, change(k))
        low, high = (found, high) if found[1] < wanted else (low, found)
    return low if wanted - low[1] < high[1] - wanted else high
