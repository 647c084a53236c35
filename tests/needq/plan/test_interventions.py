"""Interventions, sweeps and chunks."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.common.settings import Sweep
from needq.plan.interventions import (
    Intervention,
    cut_into_chunks,
    interventions,
    numbers_replaced,
    ordered_blocks,
    step_counts,
    steps_per_seed,
    sweep_interventions,
    sweeps_run,
)
from needq.plan.selection import noise_names
from planning import of_blocks, read


def test_a_sweep_replaces_the_first_blocks_of_its_order_for_each_seed():
    steps = sweep_interventions("late", Sweep(block_order=[3, 1]), 4, [7, 8])
    assert [(one.id, one.block_indices, one.noise_seed, one.noises) for one in steps] == [
        ("q/late/00", (), None, {}),
        ("q/late/01", (3,), 7, {"q": "q-gaussian-7"}),
        ("q/late/02", (3, 1), 7, {"q": "q-gaussian-7"}),
        ("q/late/01", (3,), 8, {"q": "q-gaussian-8"}),
        ("q/late/02", (3, 1), 8, {"q": "q-gaussian-8"}),
    ]
    assert steps[1].keys() == {
        "sweep": "late",
        "intervention": "q/late/01",
        "block": None,
        "blocks_replaced": 1,
        "noise_seed": 7,
    }


def test_all_blocks_in_their_order_and_chosen_heads():
    sweep = Sweep(heads=[2, 0], dimensions=[5], matrix="k", noise_fraction=0.5, bias="replace")
    last = sweep_interventions("s", sweep, 12, [0])[-1]
    assert (last.id, last.block_indices) == ("k/s/12", tuple(range(12)))
    assert (last.heads, last.dimensions) == ((2, 0), (5,))
    assert (last.noise_fraction, last.bias) == (0.5, "replace")
    everything = sweep_interventions("s", Sweep(), 1, [0])[-1]
    assert (everything.heads, everything.dimensions) == (None, None)


def test_each_head_of_each_block():
    sweep = Sweep(steps="heads", heads=[0, 2], block_order=[1, 3])
    steps = sweep_interventions("s", sweep, 4, [7])
    assert [(one.id, one.block_indices, one.heads) for one in steps] == [
        ("q/s/none", (), None),
        ("q/s/01h00", (1,), (0,)),
        ("q/s/01h02", (1,), (2,)),
        ("q/s/03h00", (3,), (0,)),
        ("q/s/03h02", (3,), (2,)),
    ]
    assert steps[3].keys() == {
        "sweep": "s",
        "intervention": "q/s/03h00",
        "block": 3,
        "blocks_replaced": 1,
        "noise_seed": 7,
    }


def test_each_group_of_dimensions_of_each_block():
    steps = sweep_interventions("s", Sweep(steps="dimensions", groups=2), 2, [7])
    assert [(one.id, one.block_indices, one.group) for one in steps] == [
        ("q/s/none", (), None),
        ("q/s/00d00", (0,), (0, 2)),
        ("q/s/00d01", (0,), (1, 2)),
        ("q/s/01d00", (1,), (0, 2)),
        ("q/s/01d01", (1,), (1, 2)),
    ]


def test_doses_of_noise_and_of_the_matrix_itself():
    sweep = Sweep(steps="doses", doses=[0.5, 1], block_order=[2, 0])
    steps = sweep_interventions("s", sweep, 4, [7])
    assert [(one.id, one.block_indices, one.noise_fraction) for one in steps] == [
        ("q/s/none", (), 1.0),
        ("q/s/050", (2, 0), 0.5),
        ("q/s/100", (2, 0), 1.0),
    ]
    assert steps[1].noises == {"q": "q-gaussian-7"}
    sweep = Sweep(steps="doses", doses=[0, 0.29, 2], method="scaled", bias="replace")
    steps = sweep_interventions("s", sweep, 2, [7, 8])
    assert [(one.id, one.noise_fraction, one.noises) for one in steps] == [
        ("q/s/none", 1.0, {}),
        ("q/s/000", 1.0, {"q": "q-scaled_0-0"}),
        ("q/s/029", 1.0, {"q": "q-scaled_29-0"}),
        ("q/s/200", 1.0, {"q": "q-scaled_200-0"}),
    ]


def test_several_matrices_each_by_noise_of_its_own():
    steps = sweep_interventions("s", Sweep(matrix="qk"), 2, [7])
    assert [one.id for one in steps] == ["qk/s/00", "qk/s/01", "qk/s/02"]
    assert steps[1].noises == {"q": "q-gaussian-7", "k": "k-gaussian-7"}


def test_the_mlp_has_one_stored_noise():
    steps = sweep_interventions("s", Sweep(matrix="mlp", steps="single"), 2, [7])
    assert [one.id for one in steps] == ["mlp/s/none", "mlp/s/00", "mlp/s/01"]
    assert steps[1].noises == {"mlp": "mlp-gaussian-7"}
    matched = Sweep(matrix="mlp_in", method="matched_outputs")
    last = sweep_interventions("s", matched, 3, [7])[-1]
    assert (last.id, last.noises) == ("mlp_in/s/03", {"mlp_in": "mlp_in-matched_outputs-7"})


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 6),
        ({"counts": "halves"}, 2),
        ({"steps": "single", "block_order": [4, 2]}, 2),
        ({"steps": "heads", "heads": [0, 1, 2]}, 18),
        ({"steps": "dimensions", "groups": 5}, 30),
        ({"steps": "doses", "doses": [0.1, 0.2]}, 2),
    ],
)
def test_how_many_interventions_a_sweep_has_per_seed(changes, count):
    sweep = Sweep(**changes)
    assert steps_per_seed(sweep, 6) == count
    assert len(sweep_interventions("s", sweep, 6, [0, 1])) == 1 + 2 * count


def test_the_interventions_of_named_sweeps():
    sweeps = {"c": {"run": "texts"}, "b": {"block_order": [0]}, "a": {}}
    config = read(
        ("sweeps", sweeps),
        of_blocks(2),
        ("noise_seeds", [0, 1]),
        ("divergence", {"backends": {"cpu": {}}}),
        ("tasks.backends", []),
    )
    assert [one.id for one in interventions(config, ["a", "b"])] == [
        *("q/a/00", "q/a/01", "q/a/02", "q/a/01", "q/a/02"),
        *("q/b/00", "q/b/01", "q/b/01"),
    ]


def test_sweeps_by_what_is_run():
    runs = {"a": "scores", "b": "texts", "c": "off", "d": "texts"}
    sweeps = {name: Sweep(run=run, exact=name == "d") for name, run in runs.items()}
    assert sweeps_run(sweeps, "texts") == ["b", "d"]
    assert sweeps_run(sweeps, "texts", "scores") == ["b", "d", "a"]
    assert sweeps_run(sweeps, "texts", exact=True) == ["d"]


def test_chosen_numbers_of_blocks():
    sweep = Sweep(block_order="reversed", counts=[4, 1, 3])
    steps = sweep_interventions("s", sweep, 4, [7])
    assert [(one.id, one.block_indices) for one in steps] == [
        ("q/s/00", ()),
        ("q/s/01", (3,)),
        ("q/s/03", (3, 2, 1)),
        ("q/s/04", (3, 2, 1, 0)),
    ]
    assert steps[-1] == sweep_interventions("s", Sweep(block_order="reversed"), 4, [7])[-1]


@pytest.mark.parametrize(
    ("n_blocks", "halves", "quarters"),
    [
        (1, [1], [1]),
        (2, [1, 2], [1, 2]),
        (3, [2, 3], [1, 2, 3]),
        (6, [3, 6], [2, 3, 6]),
        (12, [6, 12], [3, 6, 12]),
        (24, [12, 24], [6, 12, 24]),
        (30, [15, 30], [8, 15, 30]),
    ],
)
def test_halves_and_quarters_fit_any_number_of_blocks(n_blocks, halves, quarters):
    assert step_counts(Sweep(counts="halves"), n_blocks) == halves
    assert step_counts(Sweep(counts="quarters"), n_blocks) == quarters
    assert list(step_counts(Sweep(), n_blocks)) == list(range(1, n_blocks + 1))
    chosen = Sweep(counts="quarters", block_order=list(range(n_blocks)))
    assert numbers_replaced(chosen, 40) == quarters  # of the blocks that the sweep has


def test_a_single_step_replaces_one_block():
    assert numbers_replaced(Sweep(steps="single"), 12) == [1]
    assert list(numbers_replaced(Sweep(), 3)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("choice", "order"), [("forward", (0, 1, 2)), ("reversed", (2, 1, 0)), ([2, 0], (2, 0))]
)
def test_orders_of_blocks(choice, order):
    steps = sweep_interventions("s", Sweep(block_order=choice), 3, [0])
    assert [one.block_indices for one in steps] == [
        order[:count] for count in range(len(order) + 1)
    ]


def test_single_blocks_are_named_by_their_index():
    sweep = Sweep(steps="single", matrix="k")
    steps = sweep_interventions("single", sweep, 4, [7, 8])
    assert [(one.id, one.block_indices, one.noise_seed) for one in steps[:6]] == [
        ("k/single/none", (), None),
        ("k/single/00", (0,), 7),
        ("k/single/01", (1,), 7),
        ("k/single/02", (2,), 7),
        ("k/single/03", (3,), 7),
        ("k/single/00", (0,), 8),
    ]
    assert [one.keys()["blocks_replaced"] for one in steps[:3]] == [0, 1, 1]
    assert [one.keys()["block"] for one in steps[:3]] == [None, 0, 1]
    chosen = Sweep(steps="single", matrix="k", block_order=[3, 1])
    steps = sweep_interventions("single", chosen, 4, [7])
    assert [one.id for one in steps] == ["k/single/none", "k/single/03", "k/single/01"]


def test_a_random_order_is_that_of_its_noise_seed():
    def orders(seeds, **changes):
        sweep = Sweep(block_order="random", **changes)
        steps = sweep_interventions("random", sweep, 12, seeds)
        return {one.noise_seed: one.block_indices for one in steps if len(one.block_indices) == 12}

    by_seed = orders(range(5))
    assert all(sorted(order) == list(range(12)) for order in by_seed.values())
    assert len(set(by_seed.values())) == 5
    assert orders([4, 2]) == {4: by_seed[4], 2: by_seed[2]}
    assert orders(range(5), matrix="k", method="permuted") == by_seed  # so that they are paired
    assert by_seed[0] == (8, 1, 5, 3, 10, 9, 7, 11, 4, 0, 2, 6)  # on every machine
    firsts = [ordered_blocks("random", 12, seed)[0] for seed in range(600)]
    counts = [firsts.count(block) for block in range(12)]
    # chi-square on 11 degrees of freedom: 31.3 is exceeded once in a thousand
    assert sum((count - 50) ** 2 / 50 for count in counts) < 31.3


@pytest.mark.parametrize("method", ["zero", "identity"])
def test_methods_without_noise_are_made_once(method):
    steps = sweep_interventions("s", Sweep(method=method), 2, [7, 8])
    assert [(one.id, one.noise_seed) for one in steps] == [
        ("q/s/00", None),
        ("q/s/01", None),
        ("q/s/02", None),
    ]
    assert [one.noises for one in steps] == [{}, {"q": f"q-{method}-0"}, {"q": f"q-{method}-0"}]
    # unless the seeds draw the order of blocks, over one stored noise
    steps = sweep_interventions("s", Sweep(method=method, block_order="random"), 2, [7, 8])
    assert [one.noise_seed for one in steps] == [None, 7, 7, 8, 8]
    assert noise_names(steps) == [f"q-{method}-0"]


def test_plain_values_and_back():
    sweeps = [
        Sweep(heads=[1]),
        Sweep(steps="single"),
        Sweep(steps="heads", heads=[1]),
        Sweep(steps="dimensions"),
        Sweep(steps="doses", doses=[0.5]),
    ]
    for one in [one for sweep in sweeps for one in sweep_interventions("s", sweep, 3, [0])]:
        assert Intervention.from_dict(one.to_dict()) == one
        assert Intervention.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 50))
def test_chunks_cut_without_loss(n_blocks, seeds, size):
    steps = sweep_interventions("s", Sweep(), n_blocks, list(range(seeds)))
    chunks = cut_into_chunks(steps, size)
    assert [one for chunk in chunks.values() for one in chunk] == steps
    assert all(0 < len(chunk) <= max(size, n_blocks) for chunk in chunks.values())
    # the pristine model, then the steps of each noise seed, which stay together
    together = max(1, size // n_blocks)
    first = 1 + (size - 1) // n_blocks * n_blocks
    rest = max(0, 1 + seeds * n_blocks - first)
    assert len(chunks) == 1 + -(-rest // (together * n_blocks))


def test_the_name_of_a_chunk_is_that_of_its_interventions():
    steps = sweep_interventions("s", Sweep(), 2, [0, 1, 2])  # seven
    threes = cut_into_chunks(steps, 3)
    assert [len(chunk) for chunk in threes.values()] == [3, 2, 2]
    longer = cut_into_chunks([*steps, *sweep_interventions("t", Sweep(), 1, [0])], 3)
    assert list(longer)[:2] == list(threes)[:2]
    assert list(longer)[2] != list(threes)[2]
    twos = cut_into_chunks(steps, 2)
    assert [len(chunk) for chunk in twos.values()] == [1, 2, 2, 2]
    assert set(threes) & set(twos) == set(list(threes)[1:])
    assert all(len(name) == 12 for name in threes)


def test_the_name_of_a_chunk_is_the_same_on_every_machine():
    steps = sweep_interventions("cumulative", Sweep(), 12, range(5))
    assert list(cut_into_chunks(steps, 64)) == ["9e766b294944"]


@pytest.mark.parametrize(
    "change", [{"noise_fraction": 0.5}, {"bias": "replace"}, {"heads": [0]}, {"steps": "single"}]
)
def test_other_interventions_have_other_chunks(change):
    chunks = cut_into_chunks(sweep_interventions("s", Sweep(), 2, [0]), 9)
    others = cut_into_chunks(sweep_interventions("s", Sweep(**change), 2, [0]), 9)
    assert set(chunks) != set(others)


def test_what_is_run_and_how_blocks_are_counted_names_no_chunk():
    chunks = cut_into_chunks(sweep_interventions("s", Sweep(), 2, [0]), 9)
    same = Sweep(run="texts", exact=True, counts=[2, 1])
    assert cut_into_chunks(sweep_interventions("s", same, 2, [0]), 9) == chunks
