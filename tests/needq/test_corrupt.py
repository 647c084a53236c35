"""Noise and patches: moments, keys by meaning, digests that hold on every machine."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from needq.adapters import adapter
from needq.corrupt import gaussian, moments, noise_tensors, patches, replacement
from needq.files import canonical_json
from needq.interventions import Intervention

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
GOLDEN_NOISE = "2087f7e2caebf86890b36f9b764797296f3d44a5c3071871aab42eea8e15ff65"
GOLDEN_PATCHES = "f6e08c36b928f4812fdfe0f0ab2b0e3b1fd1461b3c5895ab08e488d5bdf661ee"


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


def test_this_stage_does_not_import_torch():
    code = "import sys, needq.corrupt; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": SCRIPTS})
