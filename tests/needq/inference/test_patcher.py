"""Patches: nothing changes but the slices named, and every bit comes back."""

import numpy as np
import pytest
import torch
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.files import sha256
from needq.inference.native import NativeModel
from needq.inference.native_noise import NativeNoise
from needq.inference.patcher import Patcher, make_patcher
from safetensors.numpy import save_file

VARIANTS = {
    "q": {},
    "k": {"matrix": "k"},
    "v": {"matrix": "v", "block_order": [2, 0]},
    "o": {"matrix": "o"},
    "heads": {"heads": [0, 2]},
    "key heads": {"matrix": "k", "heads": [1]},
    "output heads": {"matrix": "o", "heads": [1]},
    "dimensions": {"dimensions": [0, 5, 23]},
    "heads and dimensions": {"heads": [1], "dimensions": [4, 9]},
    "noise fraction": {"noise_fraction": 0.3},
    "bias": {"bias": "replace"},
    "bias of heads": {"bias": "replace", "heads": [2], "matrix": "q"},
    "bias of o": {"bias": "replace", "matrix": "o", "heads": [0]},
}


def values(model):
    return {name: tensor.detach().numpy().copy() for name, tensor in model.named_parameters()}


def bits(model):
    """Every parameter's and buffer's bytes."""
    return {
        name: tensor.detach().contiguous().clone().view(torch.uint8)
        for name, tensor in model.state_dict().items()
    }


def same_bits(model, before):
    after = bits(model)
    return after.keys() == before.keys() and all(torch.equal(after[n], before[n]) for n in before)


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_replaced_slices_change(small, corrupted, variant):
    patches, noise = corrupted(small, **VARIANTS[variant])
    model = small.load()
    manifest = {tensor["name"]: tensor["sha256"] for tensor in small.manifest["tensors"]}
    assert set(manifest) == set(values(model))
    slices = patches[-1].slices
    replaced = {}
    for part in slices:
        outside = replaced.setdefault(
            part["tensor"], np.ones_like(small.tensors[part["tensor"]], bool)
        )
        outside[tuple(slice(*axis) for axis in part["ranges"])] = False
    n_blocks = len(VARIANTS[variant].get("block_order", range(4)))
    biased = "bias" in variant and small.architecture.bias("q", 0) is not None
    assert len(replaced) == n_blocks * (1 + biased)
    with Patcher(NativeModel(model), small.backup / "model.safetensors", noise).applied(slices):
        patched = values(model)
    for name, tensor in patched.items():
        assert tensor.dtype == np.float32
        if name not in replaced:
            assert sha256(tensor.data) == manifest[name]
            continue
        outside = replaced[name]
        assert np.array_equal(tensor[outside], small.tensors[name][outside])
        assert (tensor[~outside] != small.tensors[name][~outside]).mean() > 0.99
    for part in slices:
        inside = patched[part["tensor"]][tuple(slice(*axis) for axis in part["ranges"])]
        assert sha256(np.ascontiguousarray(inside).data) == part["after"]["sha256"]
    assert {name: sha256(tensor.data) for name, tensor in values(model).items()} == manifest


def test_zero_silences_the_query_and_with_the_bias_replaced_all_scores(gpt2, corrupted):
    for bias, silent in (("keep", False), ("replace", True)):
        patches, noise = corrupted(gpt2, (None,), method="zero", bias=bias, block_order=[1])
        slices = patches[1].slices
        assert [part["noise"] for part in slices] == ["q-zero-0"] * (1 + silent)
        model, inputs = gpt2.load(), torch.ones(1, 24)
        weights = gpt2.backup / "model.safetensors"
        with Patcher(NativeModel(model), weights, noise).applied(slices):
            queries = model.transformer.h[1].attn.c_attn(inputs)[0, :24]
        assert bool((queries == 0).all()) == silent


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16", "float16"])
def test_undoing_restores_all_bits(small, corrupted, precision):
    patches, noise = corrupted(small, noise_seeds=(0, 1), bias="replace")
    model = small.load(precision)
    before = bits(model)
    patcher = Patcher(NativeModel(model), small.backup / "model.safetensors", noise)
    for patch in patches:
        with patcher.applied(patch.slices):
            assert same_bits(model, before) == (not patch.slices)
        assert same_bits(model, before)
    with pytest.raises(KeyboardInterrupt), patcher.applied(patches[-1].slices):
        raise KeyboardInterrupt
    assert same_bits(model, before)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_replaced_slices_are_the_noise_in_the_backends_precision(small, corrupted, precision):
    patches, noise = corrupted(small)
    model = small.load(precision)
    whole = small.architecture.matrix("q", 2)
    wanted = torch.from_numpy(noise["q-gaussian-0"]["2.weight"]).to(getattr(torch, precision))
    patcher = Patcher(NativeModel(model), small.backup / "model.safetensors", noise)
    with patcher.applied(patches[-1].slices):
        values = dict(model.named_parameters())[whole.tensor][whole.slices[0].index()]
        assert values.dtype == wanted.dtype
        assert torch.equal(values, wanted)


def test_a_patch_changes_the_logits_and_its_undoing_gives_them_back(small, corrupted):
    patches, noise = corrupted(small)
    model = small.load()
    patcher = Patcher(NativeModel(model), small.backup / "model.safetensors", noise)
    ids = torch.arange(10)[None]
    before = model(ids).logits
    with patcher.applied(patches[1].slices):
        first = model(ids).logits
        again = model(ids).logits
    assert (first - before).abs().max() > 0.01
    assert torch.equal(first, again)
    assert torch.equal(model(ids).logits, before)


def test_noise_that_is_not_the_recorded_one_is_refused(gpt2, corrupted):
    patches, noise = corrupted(gpt2)
    noise["q-gaussian-0"]["2.weight"][0, 0] += 1
    model = gpt2.load()
    before = bits(model)
    patcher = Patcher(NativeModel(model), gpt2.backup / "model.safetensors", noise)
    wrong = r"transformer\.h\.2\.attn\.c_attn\.weight"
    with pytest.raises(UserError, match=wrong), patcher.applied(patches[-1].slices):
        pass
    assert same_bits(model, before)  # blocks 0 and 1 had been replaced


def test_a_patcher_has_the_noise_that_its_backend_says(gpt2, corrupted, tmp_path):
    patches, noise = corrupted(gpt2)
    file = tmp_path / "q-gaussian-0.safetensors"
    save_file(noise["q-gaussian-0"], file)
    model, weights = NativeModel(gpt2.load()), gpt2.backup / "model.safetensors"
    stored = make_patcher(model, weights, Backend(), [file])
    drawn = make_patcher(model, weights, Backend(noise="native"), [])
    assert stored.recorded
    assert not drawn.recorded
    place = gpt2.architecture.matrix("q", 0)
    values = {}
    for name, patcher in (("stored", stored), ("drawn", drawn)):
        with patcher.applied(patches[1].slices):
            weight = dict(model.model.named_parameters())[place.tensor]
            values[name] = weight[place.slices[0].index()].numpy().copy()
    np.testing.assert_array_equal(values["stored"], noise["q-gaussian-0"]["0.weight"])
    own = NativeNoise(weights, gpt2.architecture, model.device)["q-gaussian-0"]
    np.testing.assert_array_equal(values["drawn"], own["0.weight"])
    assert (values["drawn"] != values["stored"]).mean() > 0.99
