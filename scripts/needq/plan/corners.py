"""The causes by which two backends diverge, and the backends between the two: the corners.

A cause is a group of settings in which the backends of a pair differ. A corner is a backend that
takes some causes from the right backend, and the others from the left one. A pair that differs in
n causes has 2^n corners; the ledger runs all of them. The Snakefile imports this module.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from needq.common.backends import Backend

Side = Literal["left", "right"]
CAUSES = NOISE, DRAWS, ARITHMETIC = ("noise", "token draws", "arithmetic")
ALL = "all causes"  # stands for a cause where all causes that differ act together
REPEAT = "repeat"  # stands for a corner where a backend is compared with itself
AND = " + "
# what is asked of a cause: what it does alone, what is missing without it, its Shapley share
ALONE, LAST, SHARE = EFFECTS = ("alone", "last removed", "share")

_NEITHER = {"noise", "rng", "gpu"}  # settings that arithmetic does not consist of


class Corner(NamedTuple):
    """A backend that takes `causes` from the right backend of a pair, the others from the left."""

    causes: tuple[str, ...]
    noise: Side  # whose noise the models get
    stream_device: str  # the device that has the random stream, if rng is native
    backend: Backend  # all other settings

    @property
    def name(self) -> str:
        """The corner as tables call it."""
        return AND.join(self.causes)


def _settings(cause: str, backend: Backend) -> tuple[object, ...]:
    """The settings of a backend that a cause consists of, as far as they make a difference."""
    if cause == ARITHMETIC:
        return tuple(sorted(backend.model_dump(exclude=_NEITHER).items()))
    gpu = str(backend.gpu)
    if cause == DRAWS:
        return backend.rng, {"native": backend.device, "cuda": gpu}.get(backend.rng)
    if backend.noise == "keyed":
        return (backend.noise,)
    # the mean and the standard deviation, by which noise is scaled, are sums of the machine
    machine = (backend.device, backend.instruction_set, backend.threads)
    return backend.noise, gpu if backend.noise == "cuda" else None, *machine


def differing(left: Backend, right: Backend) -> tuple[str, ...]:
    """The causes in whose settings two backends differ."""
    return tuple(cause for cause in CAUSES if _settings(cause, left) != _settings(cause, right))


def predicted(left: Backend, right: Backend) -> tuple[str, ...]:
    """The causes for which one backend computes what the other draws on a GPU.

    If the prediction is right, the two do not differ in them.
    """
    found = []
    for cause, setting in ((NOISE, "noise"), (DRAWS, "rng")):
        device = {getattr(way, setting): way.device for way in (left, right)}
        if "cuda" in device and device.get("native") == "cuda":
            found.append(cause)
    return tuple(found)


def unlike(left: Backend, right: Backend) -> set[str]:
    """The causes in which two backends differ even if all predictions are right."""
    return set(differing(left, right)) - set(predicted(left, right))


def corners(left: Backend, right: Backend) -> list[Corner]:
    """Every corner of a pair, from the left backend itself to the right one."""
    causes = differing(left, right)
    sizes = range(len(causes) + 1)
    return [_corner(left, right, some) for size in sizes for some in combinations(causes, size)]


def _corner(left: Backend, right: Backend, causes: tuple[str, ...]) -> Corner:
    noise, draws, arithmetic = (right if cause in causes else left for cause in CAUSES)
    # a backend has one card; noise is read from files, so that of the draws matters
    gpu = draws.gpu if draws.rng == "cuda" else noise.gpu
    backend = arithmetic.changed(noise=noise.noise, rng=draws.rng, gpu=gpu)
    if causes == differing(left, right):
        backend = right  # in all that makes a difference, it is this already
    return Corner(causes, "right" if NOISE in causes else "left", draws.device, backend)


def side_corners(side: str, left: Backend, right: Backend) -> list[Corner]:
    """The corners that the process of one side computes, the backend of that side first.

    All of them have one arithmetic: that of the side. If there is no difference in arithmetic,
    both sides share the work.
    """
    *_, last = differing(left, right)
    mine = [
        corner for corner in corners(left, right) if (last in corner.causes) == (side == "right")
    ]
    return mine if side == "left" else mine[::-1]


def causes_of(corner: str) -> frozenset[str]:
    """The causes that the name of a corner holds."""
    return frozenset(corner.split(AND))
