"""Methods: moments, keys by meaning, and noise with the same bits on every machine."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_gpt2 import made_up
from needq.common.errors import UserError
from needq.corrupt.methods import (
    gaussian,
    identity,
    moments,
    noise_tensors,
    replacement,
    scaled_heads,
)
from scipy.stats import kstest

SCRIPTS = str(Path(__file__).parents[3] / "scripts")
GOLDEN_NOISE = "2087f7e2caebf86890b36f9b764797296f3d44a5c3071871aab42eea8e15ff65"
GOLDEN_METHODS = [
    "ed633f105093833b",
    "43afd2f2d33b0708",
    "66bf4ba1526771c9",
    "306ad53710eceb6b",
    "e6595a788d8b495b",
    "b48cb7486b4e92ab",
]


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
    noise = noise_tensors(pocket.tensors, pocket.architecture, matrix, "gaussian", 0)
    assert len(noise) == 2 * pocket.architecture.n_blocks
    for block in range(pocket.architecture.n_blocks):
        whole = pocket.architecture.matrix(matrix, block)
        pristine = torch.from_numpy(whole.of(pocket.tensors)).double()
        made = torch.from_numpy(noise[f"{block}.weight"]).double()
        assert made.shape == pristine.shape
        assert noise[f"{block}.weight"].dtype == np.float32
        n, std = pristine.numel(), pristine.std().item()
        # 4.5 standard errors: one chance in 1500 over all of these
        assert abs((made.mean() - pristine.mean()).item()) < 4.5 * std / n**0.5
        assert abs(made.std().item() / std - 1) < 4.5 / (2 * n) ** 0.5
        assert abs(np.corrcoef(made.ravel(), pristine.ravel())[0, 1]) < 4.5 / n**0.5


def test_each_matrix_of_the_mlp_has_its_own_moments_and_the_same_noise_in_every_sweep(small):
    architecture = small.architecture
    every, own = (
        noise_tensors(small.tensors, architecture, matrix, "gaussian", 0)
        for matrix in ("mlp", "mlp_in")
    )
    assert {name for name in every if "mlp_in" in name} == set(own)
    assert all(np.array_equal(every[name], own[name]) for name in own)
    singles = architecture.singles("mlp")
    assert len({every[f"2.{one}.weight"].ravel()[:9].tobytes() for one in singles}) == len(singles)
    for one in singles:
        pristine = architecture.matrix(one, 2).of(small.tensors)
        made = every[f"2.{one}.weight"]
        assert made.shape == pristine.shape
        mean, std = moments(pristine)
        drawn = ((made - mean) / std).astype(np.float64)
        assert abs(drawn.mean()) < 4.5 / made.size**0.5
        assert abs(drawn.std() - 1) < 4.5 / (2 * made.size) ** 0.5
        assert (architecture.bias(one, 2) is None) == (f"2.{one}.bias" not in every)


@pytest.mark.parametrize("matrix", "qkvo")
def test_permuted_keeps_the_entries_and_moves_them(small, matrix):
    whole = small.architecture.matrix(matrix, 1)
    pristine = whole.of(small.tensors)
    noise = noise_tensors(small.tensors, small.architecture, matrix, "permuted", 0)
    under_1 = noise_tensors(small.tensors, small.architecture, matrix, "permuted", 1)
    made = noise["1.weight"]
    assert made.shape == pristine.shape
    assert made.dtype == np.float32
    assert np.array_equal(np.sort(made.ravel()), np.sort(pristine.ravel()))
    assert abs(np.corrcoef(made.ravel(), pristine.ravel())[0, 1]) < 4.5 / made.size**0.5
    assert not np.array_equal(made, under_1["1.weight"])
    assert moments(made) == moments(pristine)  # exactly rounded sums know no order
    bias = small.architecture.bias(matrix, 1)
    assert (bias is None) == ("1.bias" not in noise)
    if bias is not None:
        values = bias.of(small.tensors)
        assert np.array_equal(np.sort(noise["1.bias"]), np.sort(values))


def test_a_scaled_matrix_and_its_bias_are_so_many_percent(small):
    noise = noise_tensors(small.tensors, small.architecture, "q", "scaled_150", 0)
    for block in range(small.architecture.n_blocks):
        matrix = small.architecture.matrix("q", block).of(small.tensors)
        np.testing.assert_array_equal(noise[f"{block}.weight"], matrix * np.float32(1.5))
        bias = small.architecture.bias("q", block)
        if bias is not None:
            scaled = bias.of(small.tensors) * np.float32(1.5)
            np.testing.assert_array_equal(noise[f"{block}.bias"], scaled)


@pytest.mark.parametrize("method", ["zero", "identity", "rolled_heads"])
def test_methods_without_noise_ignore_the_seed(small, method):
    first, second = (
        noise_tensors(small.tensors, small.architecture, "q", method, seed) for seed in (0, 1)
    )
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    empty = [name for name in first if method == "zero" or "bias" in name]
    assert method == "rolled_heads" or not any(first[name].any() for name in empty)


@pytest.mark.parametrize("matrix", "qkv")
def test_an_identity_hands_each_head_its_part_of_the_residual_stream(small, matrix):
    architecture = small.architecture
    heads = architecture.key_value_heads if matrix in "kv" else architecture.heads
    noise = noise_tensors(small.tensors, architecture, matrix, "identity", 0)
    whole = architecture.matrix(matrix, 2)
    norm = np.linalg.norm(whole.of(small.tensors).astype(np.float64))
    stored = noise["2.weight"].astype(np.float64)
    # Conv1D stores (input, output), Linear (output, input)
    projection = stored if architecture.name == "GPT2LMHeadModel" else stored.T
    residual = np.random.default_rng(0).normal(size=(5, architecture.width))
    scale = norm / (heads * architecture.head_width) ** 0.5
    for head in range(heads):
        own = slice(head * architecture.head_width, (head + 1) * architecture.head_width)
        np.testing.assert_allclose(
            (residual @ projection)[:, own], scale * residual[:, own], rtol=1e-6
        )
    assert np.linalg.norm(stored) == pytest.approx(norm, rel=1e-6)


def test_an_identity_of_o_writes_each_head_to_its_part(small):
    architecture = small.architecture
    stored = noise_tensors(small.tensors, architecture, "o", "identity", 0)["0.weight"]
    assert np.count_nonzero(stored) == architecture.width
    np.testing.assert_allclose(stored, stored[0, 0] * np.eye(architecture.width), rtol=0)


def test_an_identity_of_heads_wider_than_the_model_begins_again():
    made = identity(np.full((2, 6), 3.0, np.float32), head_axis=1)
    np.testing.assert_allclose(made, 18**0.5 * np.tile(np.eye(2), 3), rtol=1e-7)
    np.testing.assert_array_equal(identity(np.full((6, 2), 3.0, np.float32), head_axis=0), made.T)


def by_heads(small, matrix, values):
    """A matrix (or bias) as [head, residual dimension, head dimension]."""
    count = small.architecture.heads_of(matrix)
    if values.ndim == 1:
        return values.reshape(count, 1, -1)
    if small.architecture.axes(matrix)[0] == 0:
        values = values.T
    return values.reshape(len(values), count, -1).swapaxes(0, 1)


def of_block_1(small, matrix, method, seed=0):
    """W and b of block 1 by heads, in float64: the pristine ones, and what a method puts there."""
    architecture = small.architecture
    noise = noise_tensors(small.tensors, architecture, matrix, method, seed)
    places = [architecture.matrix(matrix, 1), architecture.bias(matrix, 1)]
    pristine = [place.of(small.tensors) for place in places if place is not None]
    made = [noise[name] for name in ("1.weight", "1.bias") if name in noise]
    assert [one.dtype for one in made] == [np.float32] * len(pristine)
    return [[by_heads(small, matrix, one.astype(float)) for one in own] for own in (pristine, made)]


@pytest.mark.parametrize("matrix", "qkv")
def test_rotated_heads_turn_each_query_and_keep_what_is_read(small, matrix):
    pristine, made = of_block_1(small, matrix, "rotated_heads")
    _, again = of_block_1(small, matrix, "rotated_heads", seed=1)
    # R, by which weight and bias were turned, by least squares from both
    before, after = (np.concatenate(parts, axis=1) for parts in (pristine, made))
    turns = [
        np.linalg.lstsq(old, new, rcond=None)[0] for old, new in zip(before, after, strict=True)
    ]
    for old, new, turn in zip(before, after, turns, strict=True):
        np.testing.assert_allclose(turn @ turn.T, np.eye(len(turn)), atol=1e-5)
        np.testing.assert_allclose(old @ turn, new, atol=1e-6)
        np.testing.assert_allclose(new @ new.T, old @ old.T, atol=1e-6)
    assert all(abs(turns[0] - turn).max() > 0.1 for turn in turns[1:])
    assert abs(again[0] - made[0]).max() > 0.01


@pytest.mark.parametrize("matrix", "qkvo")
def test_rotated_inputs_keep_the_singular_values_and_turn_the_residual_stream(small, matrix):
    architecture = small.architecture
    head_axis, _ = architecture.axes(matrix)
    old = architecture.matrix(matrix, 1).of(small.tensors).astype(float)
    new = noise_tensors(small.tensors, architecture, matrix, "rotated_inputs", 0)["1.weight"]
    if head_axis == 0:
        old, new = old.T, new.T
    np.testing.assert_allclose(
        np.linalg.svd(new.astype(float))[1], np.linalg.svd(old)[1], rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(new.T @ new, old.T @ old, atol=1e-5)  # one rotation for all heads
    assert abs(np.corrcoef(new.ravel(), old.ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("matrix", "qkv")
def test_rolled_heads_have_the_part_of_the_next_head(small, matrix):
    if small.architecture.heads_of(matrix) == 1:
        with pytest.raises(UserError, match="at least two heads"):
            noise_tensors(small.tensors, small.architecture, matrix, "rolled_heads", 0)
        return
    pristine, made = of_block_1(small, matrix, "rolled_heads")
    for old, new in zip(pristine, made, strict=True):
        np.testing.assert_array_equal(new, old[[*range(1, len(old)), 0]])


@pytest.mark.parametrize("method", ["rotated_heads", "rotated_inputs", "rolled_heads"])
def test_the_bias_of_o_belongs_to_no_head(pocket, method):
    made = noise_tensors(pocket.tensors, pocket.architecture, "o", method, 0)["0.bias"]
    pristine = pocket.architecture.bias("o", 0).of(pocket.tensors)
    assert np.linalg.norm(made) == pytest.approx(np.linalg.norm(pristine), rel=1e-6)
    assert np.array_equal(made, pristine) == (method == "rolled_heads")


@pytest.mark.parametrize("head_axis", [0, 1])
def test_scaled_heads_multiply_each_head_by_its_number(head_axis):
    noise = np.arange(24, dtype=np.float32).reshape(4, 6)
    expected = noise.copy()
    if head_axis == 0:
        expected[:2] *= 3
    else:
        expected[:, :3] *= 3
    np.testing.assert_array_equal(scaled_heads(noise, [3, 1], head_axis), expected)
    np.testing.assert_array_equal(scaled_heads(noise[0], [3, 1], 0), noise[0] * [3, 3, 3, 1, 1, 1])


def test_noise_is_normal_and_independent(pocket):
    samples = []
    for seed in (0, 1):
        noise = noise_tensors(pocket.tensors, pocket.architecture, "q", "gaussian", seed)
        for block in (0, 3):
            whole = pocket.architecture.matrix("q", block)
            mean, std = moments(whole.of(pocket.tensors))
            samples.append((noise[f"{block}.weight"].ravel() - mean) / std)
            assert kstest(samples[-1], "norm").pvalue > 1e-4
    correlations = np.corrcoef(samples)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 4.5 / samples[0].size ** 0.5


@pytest.mark.parametrize("noise_fraction", [0.1, 0.5, 0.9])
def test_a_mixture_keeps_the_variance_and_the_mean(pocket, noise_fraction):
    whole = pocket.architecture.matrix("q", 2)
    pristine = whole.of(pocket.tensors)
    mean, std = moments(pristine)
    mixed = replacement(pristine, gaussian(pristine, 0, "q", 2), mean, noise_fraction)
    n = pristine.size
    assert mixed.dtype == np.float32
    assert abs(moments(mixed)[0] - mean) < 4.5 * std / n**0.5
    assert abs(moments(mixed)[1] / std - 1) < 4.5 / n**0.5
    share = np.corrcoef(mixed.ravel(), pristine.ravel())[0, 1] ** 2
    assert share == pytest.approx(1 - noise_fraction, abs=0.05)


def test_a_noise_fraction_of_1_is_the_noise_itself():
    _, tensors = made_up()
    pristine = tensors["transformer.h.0.attn.c_attn.weight"]
    noise = gaussian(pristine, 0, "q", 0)
    assert np.array_equal(replacement(pristine, noise, 0.3, 1.0), noise)


def test_noise_is_the_same_bits_on_every_machine():
    architecture, tensors = made_up()
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    content = b"".join(noise[name].tobytes() for name in sorted(noise))
    assert hashlib.sha256(content).hexdigest() == GOLDEN_NOISE


METHODS = """
import hashlib, numpy
from needq.corrupt.methods import identity, permuted, rolled_heads, rotated_heads, rotated_inputs
pristine = ((numpy.arange(48 * 24) * 7919 % 1009 - 504) / 1024).astype("float32").reshape(48, 24)
for made in (
    permuted(pristine, 0, "q", 0),
    identity(pristine, 0),
    identity(pristine, 1),
    rotated_heads(pristine, 0, "q", 0, 0, 4),
    rotated_inputs(pristine, 0, "q", 0, 0),
    rolled_heads(pristine, 0, 4),
):
    print(hashlib.sha256(made.tobytes()).hexdigest()[:16])
"""
FEATURES = " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))


@pytest.mark.parametrize("disabled", ["", FEATURES])
def test_other_methods_are_the_same_bits_under_every_instruction_set(disabled):
    environment = {"PYTHONPATH": SCRIPTS, "NPY_DISABLE_CPU_FEATURES": disabled}
    command = [sys.executable, "-c", METHODS]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == GOLDEN_METHODS
