"""Interventions, sweeps and chunks."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.interventions import (
    Intervention,
    chosen,
    chunked,
    chunks,
    controlled,
    interventions,
    sweep_interventions,
)

SWEEP = {"matrix": "q", "blocks": "all", "heads": "all", "dimensions": "all"}
SWEEP |= {"method": "gaussian", "dose": 1, "bias": "keep"}


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
        "blocks_replaced": 1,
        "noise_seed": 7,
    }


def test_all_blocks_in_their_order_and_chosen_heads():
    sweep = SWEEP | {"heads": [2, 0], "dimensions": [5], "matrix": "k"}
    last = sweep_interventions("s", sweep, 12, [0])[-1]
    assert (last.id, last.blocks) == ("k/s/12", tuple(range(12)))
    assert (last.heads, last.dimensions, last.dose) == ((2, 0), (5,), 1.0)


def test_all_sweeps_of_a_config():
    config = {"sweeps": {"a": SWEEP, "b": SWEEP | {"blocks": [0]}}, "model": {"blocks": 2}}
    found = interventions(config | {"noise_seeds": [0, 1]})
    assert [one.id for one in found] == [
        *("q/a/00", "q/a/01", "q/a/02", "q/a/01", "q/a/02"),
        *("q/b/00", "q/b/01", "q/b/01"),
    ]


def test_plain_values_and_back():
    for one in sweep_interventions("s", SWEEP | {"heads": [1]}, 3, [0]):
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


@pytest.mark.parametrize("change", [{"dose": 0.5}, {"bias": "replace"}, {"heads": [0]}])
def test_other_interventions_have_other_chunks(change):
    one = chunks(sweep_interventions("s", SWEEP, 2, [0]), 9)
    other = chunks(sweep_interventions("s", SWEEP | change, 2, [0]), 9)
    assert set(one) != set(other)


def test_chosen_interventions_are_those_of_the_counts_and_the_first_seeds():
    config = {"model": {"blocks": 4}, "noise_seeds": [7, 5, 3], "sweeps": {"a": SWEEP, "b": SWEEP}}
    found = chosen(config, "b", [1, 4], 2)
    assert [(one.id, one.noise_seed) for one in found] == [
        *[("q/b/01", 7), ("q/b/04", 7), ("q/b/01", 5), ("q/b/04", 5)]
    ]


def test_the_null_control_repeats_the_first_seed_and_the_pristine_model():
    members = sweep_interventions("a", SWEEP, 3, (9, 4))
    assert {one.noise_seed for one in controlled(members, [9, 4])} == {None, 9}
    assert len(controlled(members, [9, 4])) == 4
    assert controlled(members[4:], [9, 4]) == []


def test_exact_chunks_hold_the_exact_sweeps_alone():
    config = {"model": {"blocks": 4}, "noise_seeds": [0], "sweeps": {"a": SWEEP, "b": SWEEP}}
    config |= {"exact_sweeps": ["b"], "jobs": {"interventions_per_job": 3}}
    exact, everything = chunked(config)
    assert {one.sweep for chunk in exact.values() for one in chunk} == {"b"}
    assert exact.items() <= everything.items()
    assert sum(map(len, everything.values())) == 10 and len(everything) == 4
