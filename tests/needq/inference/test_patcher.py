"""Patches: nothing changes but the slices named, and every bit comes back."""

import numpy as np
import pytest
import torch
from needq.common.files import sha256
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher

VARIANTS = {
    "q": {},
    "k": {"matrix": "k"},
    "v": {"matrix": "v", "blocks": [2, 0]},
    "o": {"matrix": "o"},
    "heads": {"heads": [0, 2]},
    "key heads": {"matrix": "k", "heads": [1]},
    "output heads": {"matrix": "o", "heads": [1]},
    "dimensions": {"dimensions": [0, 5, 23]},
    "heads and dimensions": {"heads": [1], "dimensions": [4, 9]},
    "dose": {"dose": 0.3},
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
    recipes, noise = corrupted(small, **VARIANTS[variant])
    model = small.load()
    manifest = {tensor["name"]: tensor["sha256"] for tensor in small.manifest["tensors"]}
    assert set(manifest) == set(values(model))
    recipe = recipes[-1]
    replaced = {}
    for part in recipe["slices"]:
        outside = replaced.setdefault(
            part["tensor"], np.ones_like(small.tensors[part["tensor"]], bool)
        )
        outside[tuple(slice(*axis) for axis in part["ranges"])] = False
    blocks = len(VARIANTS[variant].get("blocks", range(4)))
    biased = "bias" in variant and small.adapter.bias("q", 0) is not None
    assert len(replaced) == blocks * (1 + biased)
    with Patcher(NativeModel(model), small.backup / "model.safetensors", noise).applied(recipe):
        found = values(model)
    for name, tensor in found.items():
        assert tensor.dtype == np.float32
        if name not in replaced:
            assert sha256(tensor.data) == manifest[name]
            continue
        outside = replaced[name]
        assert np.array_equal(tensor[outside], small.tensors[name][outside])
        assert (tensor[~outside] != small.tensors[name][~outside]).mean() > 0.99
    for part in recipe["slices"]:
        inside = found[part["tensor"]][tuple(slice(*axis) for axis in part["ranges"])]
        assert sha256(np.ascontiguousarray(inside).data) == part["after"]["sha256"]
    assert {name: sha256(tensor.data) for name, tensor in values(model).items()} == manifest


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16", "float16"])
def test_undoing_restores_all_bits(small, corrupted, precision):
    recipes, noise = corrupted(small, noise_seeds=(0, 1), bias="replace")
    model = small.load(precision)
    before = bits(model)
    patcher = Patcher(NativeModel(model), small.backup / "model.safetensors", noise)
    for recipe in recipes:
        with patcher.applied(recipe):
            assert same_bits(model, before) == (not recipe["slices"])
        assert same_bits(model, before)
    with pytest.raises(KeyboardInterrupt), patcher.applied(recipes[-1]):
        raise KeyboardInterrupt
    assert same_bits(model, before)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_replaced_slices_are_the_noise_in_the_backends_precision(small, corrupted, precision):
    recipes, noise = corrupted(small)
    model = small.load(precision)
    whole = small.adapter.matrix("q", 2)
    wanted = torch.from_numpy(noise["q-gaussian-0"]["2.weight"]).to(getattr(torch, precision))
    with Patcher(NativeModel(model), small.backup / "model.safetensors", noise).applied(
        recipes[-1]
    ):
        found = dict(model.named_parameters())[whole.tensor][whole.index()]
        assert found.dtype == wanted.dtype and torch.equal(found, wanted)


def test_a_patch_changes_the_logits_and_its_undoing_gives_them_back(small, corrupted):
    recipes, noise = corrupted(small)
    model = small.load()
    patcher = Patcher(NativeModel(model), small.backup / "model.safetensors", noise)
    ids = torch.arange(10)[None]
    before = model(ids).logits
    with patcher.applied(recipes[1]):
        first = model(ids).logits
        again = model(ids).logits
    assert (first - before).abs().max() > 0.01
    assert torch.equal(first, again)
    assert torch.equal(model(ids).logits, before)


def test_noise_that_is_not_the_recorded_one_is_refused(gpt2, corrupted):
    recipes, noise = corrupted(gpt2)
    noise["q-gaussian-0"]["2.weight"][0, 0] += 1
    model = gpt2.load()
    before = bits(model)
    patcher = Patcher(NativeModel(model), gpt2.backup / "model.safetensors", noise)
    with pytest.raises(ValueError, match="transformer.h.2.attn.c_attn.weight"):
        with patcher.applied(recipes[-1]):
            pass
    assert same_bits(model, before)  # blocks 0 and 1 had been replaced
