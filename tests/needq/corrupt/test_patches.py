"""Patches: slices, moments and digests, and the files in which later jobs find them."""

import hashlib
import subprocess
import sys
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from made_up_gpt2 import made_up
from needq.common.files import canonical_json
from needq.common.settings import Sweep
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import (
    Patch,
    make_patches,
    read_patches,
    stored_noise,
    write_patches,
)
from needq.plan.interventions import Intervention, sweep_interventions
from safetensors.numpy import save_file

SCRIPTS = str(Path(__file__).parents[3] / "scripts")
GOLDEN_PATCHES = "b64a15951992c5caf7c77b6ff4a8edf6f7b9451443add09bb6de7403a2484c38"


def intervention(block_indices, **changes):
    values = {"sweep": "s", "matrix": "q", "block_indices": block_indices, "heads": None}
    values |= {"dimensions": None, "method": "gaussian", "noise_fraction": 1.0, "bias": "keep"}
    values |= {"noise_seed": 0, "steps": "cumulative", "group": None, "dose": None}
    return Intervention.from_dict(values | changes)


def test_noise_of_a_block_is_the_same_in_every_block_set(small, corrupted):
    digests = set()
    for order in ("forward", [3], [3, 1], [0, 2, 3]):
        patches, _ = corrupted(small, block_order=order)
        whole = small.architecture.matrix("q", 3)
        digests |= {
            part["after"]["sha256"]
            for patch in patches
            for part in patch.slices
            if part["tensor"] == whole.tensor
        }
    assert len(digests) == 1
    patches, _ = corrupted(small, block_order=[3], noise_seeds=(1,))
    assert patches[1].slices[0]["after"]["sha256"] not in digests


def test_heads_take_their_part_of_the_matrix_noise():
    architecture, tensors = made_up()
    noise = noise_tensors(tensors, architecture, "k", "gaussian", 5)
    of_head = intervention((1,), matrix="k", heads=[1], noise_seed=5, bias="replace")
    (patch,) = make_patches([of_head], architecture, tensors, {"k-gaussian-5": noise})
    weight, bias = patch.slices
    part = np.ascontiguousarray(noise["1.weight"][:, 8:16])
    assert weight["after"]["sha256"] == hashlib.sha256(part.tobytes()).hexdigest()
    assert weight["ranges"] == [[0, 16], [24, 32]]
    assert bias["after"]["sha256"] == hashlib.sha256(noise["1.bias"][8:16].tobytes()).hexdigest()
    before = np.ascontiguousarray(tensors[weight["tensor"]][:, 24:32])
    assert weight["before"]["sha256"] == hashlib.sha256(before.tobytes()).hexdigest()
    assert weight["before"]["mean"] == pytest.approx(before.mean(dtype=np.float64))
    assert weight["after"]["std"] == pytest.approx(part.std(dtype=np.float64, ddof=1))


def test_dimensions_leave_the_other_rows():
    architecture, tensors = made_up()
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    of_dimensions = intervention((0,), dimensions=[3, 5])
    (patch,) = make_patches([of_dimensions], architecture, tensors, {"q-gaussian-0": noise})
    assert [part["ranges"] for part in patch.slices] == [
        [[3, 4], [0, 16]],
        [[5, 6], [0, 16]],
    ]
    row = np.ascontiguousarray(noise["0.weight"][5])
    assert patch.slices[1]["after"]["sha256"] == hashlib.sha256(row.tobytes()).hexdigest()


def test_a_group_of_dimensions_is_one_slice():
    architecture, tensors = made_up()
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    of_group = intervention((0,), steps="dimensions", group=[1, 3])
    (patch,) = make_patches([of_group], architecture, tensors, {"q-gaussian-0": noise})
    assert [part["ranges"] for part in patch.slices] == [[[5, 10], [0, 16]]]  # of 16 dimensions
    rows = np.ascontiguousarray(noise["0.weight"][5:10])
    assert patch.slices[0]["after"]["sha256"] == hashlib.sha256(rows.tobytes()).hexdigest()


def test_groups_of_dimensions_are_all_of_the_matrix():
    architecture, tensors = made_up()
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    steps = sweep_interventions("s", Sweep(steps="dimensions", groups=5), 1, [0])
    patches = make_patches(steps, architecture, tensors, {"q-gaussian-0": noise})
    covered = [patch.slices[0]["ranges"][0] for patch in patches[1:]]
    assert covered[0][0] == 0
    assert covered[-1][1] == architecture.width
    assert all(one[1] == two[0] for one, two in pairwise(covered))


def test_two_matrices_draw_on_two_noises():
    architecture, tensors = made_up()
    noise = {
        f"{m}-gaussian-0": noise_tensors(tensors, architecture, m, "gaussian", 0) for m in "qk"
    }
    (both,) = make_patches([intervention((1,), matrix="qk")], architecture, tensors, noise)
    alone = [
        make_patches([intervention((1,), matrix=m)], architecture, tensors, noise)[0] for m in "qk"
    ]
    assert both.slices == [part for patch in alone for part in patch.slices]


def test_a_single_value_has_no_std():
    architecture, tensors = made_up(width=2)  # heads of width 1: biases of one value
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    of_head = intervention((0,), heads=[1], bias="replace")
    (patch,) = make_patches([of_head], architecture, tensors, {"q-gaussian-0": noise})
    bias = patch.slices[-1]
    assert bias["before"]["std"] is None
    assert bias["before"]["mean"] == float(tensors[bias["tensor"]][1])


def test_the_pristine_model_has_no_slices():
    architecture, tensors = made_up()
    (patch,) = make_patches([intervention((), noise_seed=None)], architecture, tensors, {})
    assert patch == Patch("s", "q/s/00", None, 0, None, [])
    keys = {"sweep": "s", "intervention": "q/s/00", "block": None, "blocks_replaced": 0}
    assert patch.keys() == keys | {"noise_seed": None}


def test_patches_are_the_same_bits_on_every_machine():
    architecture, tensors = made_up()
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    wanted = [
        intervention((0, 2), noise_fraction=0.5, bias="replace"),
        intervention((1,), heads=[0]),
    ]
    patches = make_patches(wanted, architecture, tensors, {"q-gaussian-0": noise})
    text = canonical_json([asdict(patch) for patch in patches])
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN_PATCHES


@pytest.fixture
def files(tmp_path):
    """Two patch files: a cumulative sweep under two noise seeds, and single blocks under one."""
    architecture, tensors = made_up()
    names = ("q-gaussian-0", "q-gaussian-1")
    noise = {
        name: noise_tensors(tensors, architecture, "q", "gaussian", seed)
        for seed, name in enumerate(names)
    }
    cumulative = [intervention((), noise_seed=None)]
    cumulative += [intervention(range(n), noise_seed=seed) for seed in (0, 1) for n in (1, 2)]
    single = [intervention((n,), sweep="each", steps="single") for n in (0, 2)]
    for name, chosen in (("a", cumulative), ("b", single)):
        write_patches(tmp_path / name, make_patches(chosen, architecture, tensors, noise))
    return [tmp_path / name for name in "ab"]


def known(patches):
    return [(patch.intervention, patch.noise_seed) for patch in patches]


def test_patches_come_back_as_they_were_written(files, tmp_path):
    patches = read_patches(files)
    assert known(patches) == [
        ("q/s/00", None),
        *(("q/s/01", 0), ("q/s/02", 0), ("q/s/01", 1), ("q/s/02", 1)),
        *(("q/each/00", 0), ("q/each/02", 0)),
    ]
    assert [len(patch.slices) for patch in patches] == [0, 1, 2, 1, 2, 1, 1]
    assert [patch.block for patch in patches] == [None] * 5 + [0, 2]
    write_patches(tmp_path / "again", patches)
    assert read_patches([tmp_path / "again"]) == patches


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6]),
        ({"sweep": "each"}, [5, 6]),
        ({"noise_seeds": [None, 0]}, [0, 1, 2, 5, 6]),
        ({"noise_seeds": [1]}, [3, 4]),
        ({"blocks_replaced": [0, 2]}, [0, 2, 4]),
        ({"sweep": "s", "blocks_replaced": [1, 2], "noise_seeds": [0]}, [1, 2]),
        ({"blocks_replaced": []}, []),
        ({"sweep": "none"}, []),
    ],
)
def test_patches_are_chosen_by_sweep_number_of_blocks_and_noise_seed(files, chosen, places):
    patches = read_patches(files)
    assert read_patches(files, **chosen) == [patches[place] for place in places]


def test_stored_noise_is_named_after_its_file(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    for name in ("q-gaussian-0", "k-zero-0"):
        save_file({"1.weight": values}, tmp_path / f"{name}.safetensors")
    noise = stored_noise(sorted(tmp_path.iterdir()))
    assert list(noise) == ["k-zero-0", "q-gaussian-0"]
    np.testing.assert_array_equal(noise["q-gaussian-0"]["1.weight"], values)


def test_this_stage_does_not_import_torch():
    code = "import sys, needq.corrupt.patches; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": SCRIPTS})
