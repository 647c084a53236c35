"""The corners of a pair of backends: every mixture of their noise, token draws and arithmetic."""

import itertools

import pytest
from needq.common.backends import Backend
from needq.plan import corners
from needq.plan.corners import ARITHMETIC, DRAWS, NOISE

LEFT = Backend(precision="bfloat16", noise="native", batch=8)
RIGHT = LEFT.changed(kernels="eager", batch=1, rng="keyed", cache=False, instruction_set="baseline")
CPU, CUDA = Backend(noise="native"), Backend(device="cuda", noise="native")
PREDICTED = Backend(rng="cuda", noise="cuda", gpu="H200")
PAIRS = [(LEFT, RIGHT), (CPU, CUDA), (CPU, PREDICTED), (PREDICTED, CUDA), (Backend(), LEFT)]


def subsets(causes):
    """Every subset of the causes."""
    sizes = range(len(causes) + 1)
    return {frozenset(some) for size in sizes for some in itertools.combinations(causes, size)}


@pytest.mark.parametrize(
    ("left", "right", "causes"),
    [
        (LEFT, RIGHT, {NOISE, DRAWS, ARITHMETIC}),
        (CPU, CUDA, {NOISE, DRAWS, ARITHMETIC}),
        (CPU, PREDICTED, {NOISE, DRAWS}),
        (CPU, Backend(noise="native", rng="cuda", gpu="T4"), {DRAWS}),
        (CPU, Backend(noise="cuda", gpu="T4"), {NOISE}),
        # torch's randn and the sums that scale noise differ by instructions and threads
        (CPU, CPU.changed(instruction_set="baseline"), {NOISE, ARITHMETIC}),
        (CPU, CPU.changed(threads=2), {NOISE, ARITHMETIC}),
        (Backend(), Backend(threads=2), {ARITHMETIC}),
        # what neither backend uses makes no difference
        (CPU, CPU.changed(gpu="T4"), set()),
        (Backend(rng="keyed"), Backend(rng="keyed", device="cuda"), {ARITHMETIC}),
        (PREDICTED, PREDICTED.changed(gpu="T4"), {NOISE, DRAWS}),
    ],
)
def test_a_cause_differs_by_the_settings_that_it_consists_of(left, right, causes):
    assert set(corners.differing(left, right)) == causes
    assert corners.differing(left, right) == corners.differing(right, left)


@pytest.mark.parametrize(
    ("left", "right", "predicted", "unlike"),
    [
        (PREDICTED, CUDA, {NOISE, DRAWS}, {ARITHMETIC}),
        (Backend(rng="cuda", gpu="H200"), Backend(device="cuda"), {DRAWS}, {ARITHMETIC}),
        (Backend(noise="cuda", gpu="H200"), CUDA, {NOISE}, {DRAWS, ARITHMETIC}),
        (CPU, CUDA, set(), {NOISE, DRAWS, ARITHMETIC}),
        (CPU, PREDICTED, set(), {NOISE, DRAWS}),
        (PREDICTED, CUDA.changed(rng="keyed"), {NOISE}, {DRAWS, ARITHMETIC}),
        (PREDICTED, PREDICTED.changed(gpu="T4"), set(), {NOISE, DRAWS}),
    ],
)
def test_a_prediction_differs_from_what_it_predicts_in_nothing_else(left, right, predicted, unlike):
    for ways in ((left, right), (right, left)):
        assert set(corners.predicted(*ways)) == predicted
        assert corners.unlike(*ways) == unlike


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_every_subset_of_the_causes_is_a_corner_once(left, right):
    found = corners.corners(left, right)
    assert {frozenset(corner.causes) for corner in found} == subsets(corners.differing(left, right))
    assert len(found) == 2 ** len(corners.differing(left, right))
    assert len({corner[1:] for corner in found}) == len(found)  # no two compute the same
    assert (found[0].causes, found[0].backend) == ((), left)
    assert (found[-1].causes, found[-1].backend) == (corners.differing(left, right), right)
    for corner in found:  # made unchecked, and yet valid
        assert Backend(**corner.backend.model_dump()) == corner.backend


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_a_corner_takes_each_cause_from_one_of_the_two(left, right):
    arithmetic = set(Backend.model_fields) - {"noise", "rng", "gpu"}
    for corner in corners.corners(left, right):
        noise, draws, rest = (right if cause in corner.causes else left for cause in corners.CAUSES)
        assert corner.backend.noise == noise.noise
        assert corner.backend.rng == draws.rng
        assert corner.noise == ("right" if NOISE in corner.causes else "left")
        if draws.rng == "native":
            assert corner.stream_device == draws.device
        if draws.rng == "cuda":
            assert corner.backend.gpu == draws.gpu
        for name in arithmetic:
            assert getattr(corner.backend, name) == getattr(rest, name)


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_two_sides_share_the_corners_and_each_begins_with_its_own(left, right):
    sides = {side: corners.side_corners(side, left, right) for side in ("left", "right")}
    both = [corner.causes for side in sides.values() for corner in side]
    assert sorted(both) == sorted(corner.causes for corner in corners.corners(left, right))
    assert len(sides["left"]) == len(sides["right"])
    assert (sides["left"][0].backend, sides["right"][0].backend) == (left, right)
    for side in sides.values():  # one process serves them all
        first = side[0].backend
        assert {corners.differing(first, corner.backend)[-1:] for corner in side} <= {
            (),
            (NOISE,),
            (DRAWS,),
        }


def test_names_and_causes_are_one():
    for corner in corners.corners(LEFT, RIGHT)[1:]:
        assert corners.causes_of(corner.name) == set(corner.causes)
    assert corners.corners(LEFT, RIGHT)[-1].name == "noise + token draws + arithmetic"
