"""Interventions, sweeps and chunks."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.plan.interventions import (
    Intervention,
    block_order,
    chosen,
    chunked,
    chunks,
    controlled,
    interventions,
    sweep_interventions,
)
from sweeps import SWEEP


def test_a_sweep_replaces_the_first_blocks_of_its_order_for_each_seed():
    found = sweep_interventions("late", SWEEP | {"blocks": [3, 1]}, 4, [7, 8])
    assert [(one.id, one.blocks, one.noise_seed, one.noise) for one in found] == [
        ("q/late/00", (), None, None),
        ("q/late/01", (3,), 7, "q-gaussian-7"),
        ("q/late/02", (3, 1), 7, "q-gaussian-7"),
        ("q/late/01", (3,), 8, "q-gaussian-8"),
        ("q/late/02", (3, 1), 8, "q-gaussian-8"),
    ]
    assert found[1].keys() == {
        "sweep": "late",
        "intervention": "q/late/01",
        "block": None,
        "blocks_replaced": 1,
        "noise_seed": 7,
    }


def test_all_blocks_in_their_order_and_chosen_heads():
    sweep = SWEEP | {"heads": [2, 0], "dimensions": [5], "matrix": "k"}
    last = sweep_interventions("s", sweep, 12, [0])[-1]
    assert (last.id, last.blocks) == ("k/s/12", tuple(range(12)))
    assert (last.heads, last.dimensions, last.dose) == ((2, 0), (5,), 1.0)


def test_all_sweeps_of_a_config():
    sweeps = {"c": SWEEP, "b": SWEEP | {"blocks": [0]}, "a": SWEEP}
    config = {"sweeps": sweeps, "full_sweeps": ["a"], "scored_sweeps": ["b"]}
    found = interventions(config | {"noise_seeds": [0, 1], "model": {"blocks": 2}})
    assert [one.id for one in found] == [
        *("q/a/00", "q/a/01", "q/a/02", "q/a/01", "q/a/02"),
        *("q/b/00", "q/b/01", "q/b/01"),
    ]


def test_chosen_counts_of_blocks():
    sweep = SWEEP | {"blocks": "reversed", "counts": [4, 1, 3]}
    found = sweep_interventions("s", sweep, 4, [7])
    assert [(one.id, one.blocks) for one in found] == [
        ("q/s/00", ()),
        ("q/s/01", (3,)),
        ("q/s/03", (3, 2, 1)),
        ("q/s/04", (3, 2, 1, 0)),
    ]
    assert found[-1] == sweep_interventions("s", sweep | {"counts": "all"}, 4, [7])[-1]


@pytest.mark.parametrize(
    ("choice", "order"), [("all", (0, 1, 2)), ("reversed", (2, 1, 0)), ([2, 0], (2, 0))]
)
def test_orders_of_blocks(choice, order):
    found = sweep_interventions("s", SWEEP | {"blocks": choice}, 3, [0])
    assert [one.blocks for one in found] == [order[:count] for count in range(len(order) + 1)]


def test_single_blocks_are_named_by_their_index():
    sweep = SWEEP | {"steps": "single", "matrix": "k"}
    found = sweep_interventions("single", sweep, 4, [7, 8])
    assert [(one.id, one.blocks, one.noise_seed) for one in found[:6]] == [
        ("k/single/none", (), None),
        ("k/single/00", (0,), 7),
        ("k/single/01", (1,), 7),
        ("k/single/02", (2,), 7),
        ("k/single/03", (3,), 7),
        ("k/single/00", (0,), 8),
    ]
    assert [one.keys()["blocks_replaced"] for one in found[:3]] == [0, 1, 1]
    chosen = sweep_interventions("single", sweep | {"blocks": [3, 1]}, 4, [7])
    assert [one.id for one in chosen] == ["k/single/none", "k/single/03", "k/single/01"]


def test_a_random_order_is_that_of_its_noise_seed():
    def orders(seeds, **changes):
        sweep = SWEEP | {"blocks": "random"} | changes
        found = sweep_interventions("random", sweep, 12, seeds)
        return {one.noise_seed: one.blocks for one in found if len(one.blocks) == 12}

    found = orders(range(5))
    assert all(sorted(order) == list(range(12)) for order in found.values())
    assert len(set(found.values())) == 5
    assert orders([4, 2]) == {4: found[4], 2: found[2]}
    assert orders(range(5), matrix="k", method="permuted") == found  # so that they are paired
    assert found[0] == (8, 1, 5, 3, 10, 9, 7, 11, 4, 0, 2, 6)  # on every machine
    firsts = [block_order("random", 12, seed)[0] for seed in range(600)]
    counts = [firsts.count(block) for block in range(12)]
    # chi-square on 11 degrees of freedom: 31.3 is exceeded once in a thousand
    assert sum((count - 50) ** 2 / 50 for count in counts) < 31.3


@pytest.mark.parametrize("method", ["zero", "identity"])
def test_methods_without_noise_are_made_once(method):
    found = sweep_interventions("s", SWEEP | {"method": method}, 2, [7, 8])
    assert [(one.id, one.noise_seed) for one in found] == [
        ("q/s/00", None),
        ("q/s/01", None),
        ("q/s/02", None),
    ]
    assert [one.noise for one in found] == [None, f"q-{method}-0", f"q-{method}-0"]
    # unless the seeds draw the order of blocks, over one stored noise
    found = sweep_interventions("s", SWEEP | {"method": method, "blocks": "random"}, 2, [7, 8])
    assert [one.noise_seed for one in found] == [None, 7, 7, 8, 8]
    assert {one.noise for one in found} == {None, f"q-{method}-0"}


def test_chunks_of_runs_that_knew_no_other_steps_keep_their_names():
    members = sweep_interventions("cumulative", SWEEP, 12, range(5))
    assert list(chunks(members, 64)) == ["f7d22c008440"]  # as in docs/evidence/pocket-gpt2


def test_plain_values_and_back():
    single = sweep_interventions("s", SWEEP | {"steps": "single"}, 3, [0])
    for one in [*sweep_interventions("s", SWEEP | {"heads": [1]}, 3, [0]), *single]:
        assert Intervention.from_dict(one.to_dict()) == one
        assert Intervention.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 50))
def test_chunks_cut_without_loss(blocks, seeds, size):
    members = sweep_interventions("s", SWEEP, blocks, list(range(seeds)))
    found = chunks(members, size)
    assert [one for part in found.values() for one in part] == members
    assert all(0 < len(part) <= size for part in found.values())
    assert len(found) == -(-len(members) // size)


def test_the_name_of_a_chunk_is_that_of_its_members():
    members = sweep_interventions("s", SWEEP, 6, [0])  # seven
    three = chunks(members, 3)
    assert [len(part) for part in three.values()] == [3, 3, 1]
    longer = chunks([*members, *sweep_interventions("t", SWEEP, 1, [0])], 3)
    assert list(longer)[:2] == list(three)[:2] and list(longer)[2] != list(three)[2]
    twos = chunks(members, 2)
    assert set(three) & set(twos) == {list(three)[2]}  # the last of seven is alone in both
    assert all(len(name) == 12 for name in three)


@pytest.mark.parametrize(
    "change", [{"dose": 0.5}, {"bias": "replace"}, {"heads": [0]}, {"steps": "single"}]
)
def test_other_interventions_have_other_chunks(change):
    one = chunks(sweep_interventions("s", SWEEP, 2, [0]), 9)
    other = chunks(sweep_interventions("s", SWEEP | change, 2, [0]), 9)
    assert set(one) != set(other)


def test_chosen_interventions_are_those_of_the_counts_and_the_first_seeds():
    config = {"model": {"blocks": 4}, "noise_seeds": [7, 5, 3], "sweeps": {"a": SWEEP, "b": SWEEP}}
    config |= {"full_sweeps": ["a", "b"], "scored_sweeps": []}
    found = chosen(config, "b", [1, 4], [5, 7])
    assert [(one.id, one.noise_seed) for one in found] == [
        *[("q/b/01", 7), ("q/b/04", 7), ("q/b/01", 5), ("q/b/04", 5)]
    ]


def test_the_null_control_repeats_the_first_seed_and_the_pristine_model():
    members = sweep_interventions("a", SWEEP, 3, (9, 4))
    assert {one.noise_seed for one in controlled(members, [9, 4])} == {None, 9}
    assert len(controlled(members, [9, 4])) == 4
    assert controlled(members[4:], [9, 4]) == []


def test_no_chunk_mixes_kinds_of_sweep():
    config = {"model": {"blocks": 4}, "noise_seeds": [0], "sweeps": dict.fromkeys("abc", SWEEP)}
    config |= {"full_sweeps": ["a", "b"], "scored_sweeps": ["c"], "exact_sweeps": ["b"]}
    exact, full, everything = chunked(config | {"jobs": {"interventions_per_job": 3}})
    sweeps = [{one.sweep for chunk in part.values() for one in chunk} for part in (exact, full)]
    assert sweeps == [{"b"}, {"a", "b"}]
    assert exact.items() <= full.items() <= everything.items()
    assert [sum(map(len, part.values())) for part in (exact, full, everything)] == [5, 10, 15]
    assert len(everything) == 6
