"""Noise and patches: moments, keys by meaning, digests that hold on every machine."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from needq.backup.architectures import adapter
from needq.common.files import canonical_json
from needq.corrupt.methods import gaussian, identity, moments, noise_tensors, replacement
from needq.corrupt.patches import patches
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.plan.interventions import Intervention

SCRIPTS = str(Path(__file__).parents[3] / "scripts")
GOLDEN_NOISE = "2087f7e2caebf86890b36f9b764797296f3d44a5c3071871aab42eea8e15ff65"
GOLDEN_PATCHES = "f6e08c36b928f4812fdfe0f0ab2b0e3b1fd1461b3c5895ab08e488d5bdf661ee"

GOLDEN_LADDER = ["ed633f105093833b", "43afd2f2d33b0708", "66bf4ba1526771c9"]


def made_up(blocks=3, width=16):
    """A GPT-2 whose weights are fractions of small integers, so the same everywhere."""
    config = {"architectures": ["GPT2LMHeadModel"], "n_layer": blocks, "n_embd": width}
    sizes = adapter(config | {"n_head": 2, "n_positions": 8, "vocab_size": 9})
    tensors = {}
    for block in range(blocks):
        count = width * 3 * width
        weight = ((np.arange(count) * (7919 + block)) % 1009 - 504) / 1024
        name = f"transformer.h.{block}.attn.c_attn"
        tensors[f"{name}.weight"] = weight.astype(np.float32).reshape(width, -1)
        tensors[f"{name}.bias"] = (np.arange(3 * width) / 64).astype(np.float32)
    return sizes, tensors


def intervention(blocks, **changes):
    values = {"sweep": "s", "matrix": "q", "blocks": blocks, "heads": None, "dimensions": None}
    values |= {"method": "gaussian", "dose": 1.0, "bias": "keep", "noise_seed": 0}
    return Intervention.from_dict(values | changes)


def test_moments_are_torchs_mean_and_unbiased_std():
    values = torch.randn(97, 31, generator=torch.Generator().manual_seed(0)) * 0.7 + 0.1
    mean, std = moments(values.numpy())
    assert mean == pytest.approx(values.double().mean().item(), rel=1e-13)
    assert std == pytest.approx(values.double().std(unbiased=True).item(), rel=1e-13)
    # the notebook's own lines, in float32
    assert mean == pytest.approx(values.mean().item(), rel=1e-5)
    assert std == pytest.approx(values.std().item(), rel=1e-5)
    assert moments(np.array([1.0, 2.0])) == (1.5, 0.5**0.5)


@pytest.mark.parametrize("matrix", "qkvo")
def test_noise_has_the_moments_of_the_pristine_matrix(pocket, matrix):
    noise = noise_tensors(pocket.tensors, pocket.adapter, matrix, "gaussian", 0)
    assert len(noise) == 2 * pocket.adapter.blocks
    for block in range(pocket.adapter.blocks):
        whole = pocket.adapter.matrix(matrix, block)
        pristine = torch.from_numpy(pocket.tensors[whole.tensor][whole.index()]).double()
        made = torch.from_numpy(noise[f"{block}.weight"]).double()
        assert made.shape == pristine.shape and noise[f"{block}.weight"].dtype == np.float32
        n, std = pristine.numel(), pristine.std().item()
        # 4.5 standard errors: one chance in 1500 over all of these
        assert abs((made.mean() - pristine.mean()).item()) < 4.5 * std / n**0.5
        assert abs(made.std().item() / std - 1) < 4.5 / (2 * n) ** 0.5
        assert abs(np.corrcoef(made.ravel(), pristine.ravel())[0, 1]) < 4.5 / n**0.5


@pytest.mark.parametrize("matrix", "qkvo")
def test_permuted_keeps_the_entries_and_moves_them(small, matrix):
    whole = small.adapter.matrix(matrix, 1)
    pristine = small.tensors[whole.tensor][whole.index()]
    noise = noise_tensors(small.tensors, small.adapter, matrix, "permuted", 0)
    other = noise_tensors(small.tensors, small.adapter, matrix, "permuted", 1)
    made = noise["1.weight"]
    assert made.shape == pristine.shape and made.dtype == np.float32
    assert np.array_equal(np.sort(made.ravel()), np.sort(pristine.ravel()))
    assert abs(np.corrcoef(made.ravel(), pristine.ravel())[0, 1]) < 4.5 / made.size**0.5
    assert not np.array_equal(made, other["1.weight"])
    assert moments(made) == moments(pristine)  # exactly rounded sums know no order
    bias = small.adapter.bias(matrix, 1)
    assert (bias is None) == ("1.bias" not in noise)
    if bias is not None:
        values = small.tensors[bias.tensor][bias.index()]
        assert np.array_equal(np.sort(noise["1.bias"]), np.sort(values))


@pytest.mark.parametrize("method", ["zero", "identity"])
def test_methods_without_noise_ignore_the_seed(small, method):
    one, other = (noise_tensors(small.tensors, small.adapter, "q", method, seed) for seed in (0, 1))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert all(not one[name].any() for name in one if method == "zero" or "bias" in name)


@pytest.mark.parametrize("matrix", "qkv")
def test_an_identity_hands_each_head_its_part_of_the_residual_stream(small, matrix):
    sizes = small.adapter
    heads = sizes.key_value_heads if matrix in "kv" else sizes.heads
    noise = noise_tensors(small.tensors, sizes, matrix, "identity", 0)
    whole = sizes.matrix(matrix, 2)
    norm = np.linalg.norm(small.tensors[whole.tensor][whole.index()].astype(np.float64))
    stored = noise["2.weight"].astype(np.float64)
    # Conv1D stores (input, output), Linear (output, input)
    projection = stored if sizes.architecture == "GPT2LMHeadModel" else stored.T
    residual = np.random.default_rng(0).normal(size=(5, sizes.width))
    scale = norm / (heads * sizes.head_width) ** 0.5
    for head in range(heads):
        own = slice(head * sizes.head_width, (head + 1) * sizes.head_width)
        np.testing.assert_allclose(
            (residual @ projection)[:, own], scale * residual[:, own], rtol=1e-6
        )
    assert np.linalg.norm(stored) == pytest.approx(norm, rel=1e-6)


def test_an_identity_of_o_writes_each_head_to_its_part(small):
    sizes = small.adapter
    stored = noise_tensors(small.tensors, sizes, "o", "identity", 0)["0.weight"]
    assert np.count_nonzero(stored) == sizes.width
    np.testing.assert_allclose(stored, stored[0, 0] * np.eye(sizes.width), rtol=0)


def test_an_identity_of_heads_wider_than_the_model_begins_again():
    made = identity(np.full((2, 6), 3.0, np.float32), head_axis=1)
    np.testing.assert_allclose(made, 18**0.5 * np.tile(np.eye(2), 3), rtol=1e-7)
    np.testing.assert_array_equal(identity(np.full((6, 2), 3.0, np.float32), head_axis=0), made.T)


def test_zero_silences_the_query_and_with_the_bias_replaced_all_scores(gpt2, corrupted):
    for bias, silent in (("keep", False), ("replace", True)):
        recipes, noise = corrupted(gpt2, (None,), method="zero", bias=bias, blocks=[1])
        assert [part["noise"] for part in recipes[1]["slices"]] == ["q-zero-0"] * (1 + silent)
        model, inputs = gpt2.load(), torch.ones(1, 24)
        weights = gpt2.backup / "model.safetensors"
        with Patcher(NativeModel(model), weights, noise).applied(recipes[1]):
            queries = model.transformer.h[1].attn.c_attn(inputs)[0, :24]
        assert bool((queries == 0).all()) == silent


def test_noise_is_normal_and_independent(pocket):
    scipy = pytest.importorskip("scipy.stats")
    found = []
    for seed in (0, 1):
        noise = noise_tensors(pocket.tensors, pocket.adapter, "q", "gaussian", seed)
        for block in (0, 3):
            whole = pocket.adapter.matrix("q", block)
            mean, std = moments(pocket.tensors[whole.tensor][whole.index()])
            found.append((noise[f"{block}.weight"].ravel() - mean) / std)
            assert scipy.kstest(found[-1], "norm").pvalue > 1e-4
    correlations = np.corrcoef(found)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 4.5 / found[0].size ** 0.5


def test_noise_of_a_block_is_the_same_in_every_block_set(small, corrupted):
    found = set()
    for blocks in ("all", [3], [3, 1], [0, 2, 3]):
        recipes, _ = corrupted(small, blocks=blocks)
        whole = small.adapter.matrix("q", 3)
        found |= {
            part["after"]["sha256"]
            for recipe in recipes
            for part in recipe["slices"]
            if part["tensor"] == whole.tensor
        }
    assert len(found) == 1
    other, _ = corrupted(small, blocks=[3], noise_seeds=(1,))
    assert other[1]["slices"][0]["after"]["sha256"] not in found


def test_heads_take_their_part_of_the_matrix_noise():
    sizes, tensors = made_up()
    noise = noise_tensors(tensors, sizes, "k", "gaussian", 5)
    one = intervention((1,), matrix="k", heads=[1], noise_seed=5, bias="replace")
    (recipe,) = patches([one], sizes, tensors, {"k-gaussian-5": noise})
    weight, bias = recipe["slices"]
    part = np.ascontiguousarray(noise["1.weight"][:, 8:16])
    assert weight["after"]["sha256"] == hashlib.sha256(part.tobytes()).hexdigest()
    assert weight["ranges"] == [[0, 16], [24, 32]]
    assert bias["after"]["sha256"] == hashlib.sha256(noise["1.bias"][8:16].tobytes()).hexdigest()
    before = np.ascontiguousarray(tensors[weight["tensor"]][:, 24:32])
    assert weight["before"]["sha256"] == hashlib.sha256(before.tobytes()).hexdigest()
    assert weight["before"]["mean"] == pytest.approx(before.mean(dtype=np.float64))
    assert weight["after"]["std"] == pytest.approx(part.std(dtype=np.float64, ddof=1))


def test_dimensions_leave_the_other_rows():
    sizes, tensors = made_up()
    noise = noise_tensors(tensors, sizes, "q", "gaussian", 0)
    one = intervention((0,), dimensions=[3, 5])
    (recipe,) = patches([one], sizes, tensors, {"q-gaussian-0": noise})
    assert [part["ranges"] for part in recipe["slices"]] == [
        [[3, 4], [0, 16]],
        [[5, 6], [0, 16]],
    ]
    row = np.ascontiguousarray(noise["0.weight"][5])
    assert recipe["slices"][1]["after"]["sha256"] == hashlib.sha256(row.tobytes()).hexdigest()


@pytest.mark.parametrize("dose", [0.1, 0.5, 0.9])
def test_a_dose_keeps_the_variance_and_the_mean(pocket, dose):
    whole = pocket.adapter.matrix("q", 2)
    pristine = pocket.tensors[whole.tensor][whole.index()]
    mean, std = moments(pristine)
    mixed = replacement(pristine, gaussian(pristine, 0, "q", 2), mean, dose)
    n = pristine.size
    assert mixed.dtype == np.float32
    assert abs(moments(mixed)[0] - mean) < 4.5 * std / n**0.5
    assert abs(moments(mixed)[1] / std - 1) < 4.5 / n**0.5
    share = np.corrcoef(mixed.ravel(), pristine.ravel())[0, 1] ** 2
    assert share == pytest.approx(1 - dose, abs=0.05)


def test_a_full_dose_is_the_noise_itself_and_a_single_value_has_no_std():
    sizes, tensors = made_up()
    pristine = tensors["transformer.h.0.attn.c_attn.weight"]
    noise = gaussian(pristine, 0, "q", 0)
    assert np.array_equal(replacement(pristine, noise, 0.3, 1.0), noise)
    sizes, tensors = made_up(width=2)  # heads of width 1: biases of one value
    stored = noise_tensors(tensors, sizes, "q", "gaussian", 0)
    one = intervention((0,), heads=[1], bias="replace")
    (recipe,) = patches([one], sizes, tensors, {"q-gaussian-0": stored})
    bias = recipe["slices"][-1]
    assert bias["before"]["std"] is None
    assert bias["before"]["mean"] == float(tensors[bias["tensor"]][1])


def test_the_pristine_model_has_no_slices():
    sizes, tensors = made_up()
    (recipe,) = patches([intervention((), noise_seed=None)], sizes, tensors, {})
    assert recipe == {"intervention": "q/s/00", "noise_seed": None, "slices": []}


def test_noise_and_patches_are_the_same_bits_on_every_machine():
    sizes, tensors = made_up()
    noise = noise_tensors(tensors, sizes, "q", "gaussian", 0)
    content = b"".join(noise[name].tobytes() for name in sorted(noise))
    assert hashlib.sha256(content).hexdigest() == GOLDEN_NOISE
    wanted = [intervention((0, 2), dose=0.5, bias="replace"), intervention((1,), heads=[0])]
    text = canonical_json(patches(wanted, sizes, tensors, {"q-gaussian-0": noise}))
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN_PATCHES


LADDER = """
import hashlib, numpy
from needq.corrupt.methods import identity, permuted
pristine = ((numpy.arange(48 * 24) * 7919 % 1009 - 504) / 1024).astype("float32").reshape(48, 24)
for made in (permuted(pristine, 0, "q", 0), identity(pristine, 0), identity(pristine, 1)):
    print(hashlib.sha256(made.tobytes()).hexdigest()[:16])
"""
FEATURES = " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))


@pytest.mark.parametrize("disabled", ["", FEATURES])
def test_the_ladder_is_the_same_bits_under_every_instruction_set(disabled):
    environment = {"PYTHONPATH": SCRIPTS, "NPY_DISABLE_CPU_FEATURES": disabled}
    command = [sys.executable, "-c", LADDER]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == GOLDEN_LADDER


def test_this_stage_does_not_import_torch():
    code = "import sys, needq.corrupt.patches; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": SCRIPTS})
