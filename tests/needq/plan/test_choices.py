"""Which interventions of a sweep are chosen, how patches name them, and which chunks hold them."""

import pytest
from needq.plan.choices import as_choice, choose, chunks_with
from needq.plan.interventions import interventions
from needq.plan.selection import Selection
from planning import read


def named(found):
    return [(one.id, one.noise_seed) for one in found]


def test_numbers_of_blocks_and_noise_seeds_choose():
    config = read(("noise_seeds", [7, 5, 3]))
    steps = [(f"q/cumulative/{count:02d}", seed) for seed in (7, 5) for count in (3, 12)]
    assert named(choose(config, "cumulative", [3, "all"], 2)) == steps
    pristine = ("q/cumulative/00", None)
    assert named(choose(config, "cumulative", [0, 12], [3])) == [pristine, ("q/cumulative/12", 3)]
    # halves of the blocks, of which there is no 3
    assert named(choose(config, "keys", [3, "all"], [5])) == [("k/keys/12", 5)]


def test_what_has_no_noise_needs_no_seed():
    assert named(choose(read(), "zero", [0, "all"], 1)) == [
        ("q/zero/00", None),
        ("q/zero/12", None),
    ]


@pytest.mark.parametrize("sweep", ["cumulative", "at_random", "zero"])
def test_what_is_chosen_is_of_the_run(sweep):
    config = read()
    every = interventions(config, [sweep])
    chosen = choose(config, sweep, [0, 6, 12], 3)
    assert set(chosen) < set(every) or sweep == "zero"
    said = as_choice(chosen)
    assert said["sweep"] == sweep
    # what is said of them chooses the same ones again
    again = [
        one
        for one in every
        if len(one.block_indices) in said["blocks_replaced"]
        and one.noise_seed in said["noise_seeds"]
    ]
    assert again == chosen


def test_a_choice_is_said_by_numbers_and_seeds():
    chosen = choose(read(), "cumulative", [12, 0, 1], [2, 4])
    assert as_choice(chosen) == {
        "sweep": "cumulative",
        "blocks_replaced": [0, 1, 12],
        "noise_seeds": [None, 2, 4],
    }


def test_chunks_are_those_that_hold_the_interventions():
    config = read(("jobs.interventions_per_job", 12))
    chunks = Selection(config, False).chunks
    wanted = choose(config, "cumulative", [1, 12], [3])
    held = chunks_with(chunks, wanted)
    assert set(wanted) <= {one for name in held for one in chunks[name]}
    assert all(set(wanted) & set(chunks[name]) for name in held)
    assert len(held) == 1
    assert chunks_with(chunks, []) == []
