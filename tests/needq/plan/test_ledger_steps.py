"""The steps of the ledger: causes removed one at a time, in both orders."""

import itertools

import pytest
from needq.common.settings import Backend
from needq.plan.ledger_steps import CALLED, CAUSES, NATIVE, ORDERS, REMOVED, backends_of, steps

LEFT = Backend(precision="bfloat16", noise="native", batch=8)
RIGHT = LEFT.changed(kernels="eager", batch=1, threads=2, cache=False, instruction_set="baseline")
MACHINE = {"device", "threads", "instruction_set"}


def differing(left, right):
    """The settings in which two backends differ."""
    return {name for name in Backend.model_fields if getattr(left, name) != getattr(right, name)}


def test_both_orders_go_from_native_everything_to_the_same_end():
    path = steps(LEFT, RIGHT)
    assert [step.order for step in path] == ["forwards"] * 6 + ["backwards"] * 6
    assert [step.step for step in path] == [*range(6), *range(6)]
    assert [step.cause for step in path[:6]] == [NATIVE, *CAUSES]
    assert [step.cause for step in path[6:]] == [NATIVE, *reversed(CAUSES)]
    assert path[0][3:] == path[6][3:] == (LEFT, RIGHT)
    assert path[5][3:] == path[11][3:]
    left, right = path[5].left, path[5].right
    assert left.arithmetic == "exact"
    assert left.rng == left.noise == "keyed"
    assert differing(left, right) == {"threads", "instruction_set"} <= MACHINE


def test_each_step_changes_what_its_cause_names_and_nothing_else():
    names = {"noise": {"noise"}, "token draws": {"rng"}, "float64": {"precision"}}
    names |= {"kernels, batch, cache": {"kernels", "batch", "cache"}}
    names |= {"exact": {"arithmetic", "precision"}}
    assert set(names) == set(CAUSES)
    path = steps(LEFT, RIGHT)
    for before, after in itertools.pairwise(path):
        if after.step:
            changed = differing(before.left, after.left) | differing(before.right, after.right)
            assert changed <= names[after.cause]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_removed_cause_is_the_same_on_both_sides(cause):
    for step in steps(LEFT, RIGHT):
        if step.cause == cause:
            assert not differing(step.left, step.right) & set(CAUSES[cause])


def test_a_machine_stays_what_it_is():
    right = RIGHT.changed(device="cuda")
    for step in steps(LEFT, right):
        assert not MACHINE & (differing(LEFT, step.left) | differing(right, step.right))


def test_a_backend_that_serves_two_steps_is_computed_once():
    # shared kernels are the left side's own, float64 adds nothing to exact, both orders end alike
    assert [len(backends_of(side, LEFT, RIGHT)) for side in ("left", "right")] == [7, 9]
    assert backends_of("left", LEFT, RIGHT)[0] == LEFT
    assert backends_of("right", LEFT, RIGHT)[0] == RIGHT


def test_every_step_computes_with_a_backend_of_its_side():
    for side in ("left", "right"):
        backends = backends_of(side, LEFT, RIGHT)
        assert all(getattr(step, side) in backends for step in steps(LEFT, RIGHT))
        for backend in backends:  # made unchecked, and yet valid
            assert Backend(**backend.model_dump()) == backend


def test_every_step_and_order_has_a_name_for_readers():
    assert set(REMOVED) == {NATIVE, *CAUSES}
    assert set(CALLED) == set(ORDERS)
