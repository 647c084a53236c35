"""Shared prefixes: the bits of the whole model, with each node of the tree computed once."""

import pytest
import torch
from needq.common.backends import Backend
from needq.inference.backend import load
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import hidden_under_each

EXACT = Backend(arithmetic="exact", precision="float64")
IDS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 7, 1, 8, 0, 0]])
MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])


NATIVE = [("float32", "sdpa"), ("float32", "eager"), ("bfloat16", "sdpa"), ("float64", "sdpa")]


@pytest.mark.parametrize("native", [None, *NATIVE], ids=str)
@pytest.mark.parametrize("mask", [MASK, torch.ones_like(MASK)], ids=["padded", "full"])
def test_logits_are_those_of_each_patched_model(small, corrupted, native, mask):
    patches, noise = corrupted(small, noise_seeds=(0, 1), bias="replace")
    model = NativeModel(small.load(*native)) if native else load(small.backup, EXACT)
    patcher = Patcher(model, small.backup / "model.safetensors", noise)
    under_each = list(hidden_under_each(model, patcher, patches, IDS, mask))
    assert under_each[0][0] == 0  # the first one first
    logits = {index: model.head(hidden) for index, hidden in under_each}
    assert sorted(logits) == list(range(len(patches)))
    for index, patch in enumerate(patches):
        with patcher.applied(patch.slices):
            assert torch.equal(logits[index], model.logits(IDS, mask=mask)[0])
    assert not torch.equal(logits[0], logits[1])


def test_each_node_of_the_tree_is_computed_once(gpt2, corrupted, monkeypatch):
    patches, noise = corrupted(gpt2, noise_seeds=(0, 1))
    model = load(gpt2.backup, EXACT)
    patcher = Patcher(model, gpt2.backup / "model.safetensors", noise)
    calls, block = [], type(model).block
    monkeypatch.setattr(
        type(model), "block", lambda self, i, s: calls.append(i) or block(self, i, s)
    )
    assert len(list(hidden_under_each(model, patcher, patches, IDS, MASK))) == 9
    # of 4 blocks and 2 noise seeds: one pristine path, and 1 to 4 replaced before each block
    assert [calls.count(i) for i in range(4)] == [1 + 2 * (i + 1) for i in range(4)]
    # blocks in an order other than the model's share what they can
    patches, noise = corrupted(gpt2, block_order=[3, 0])
    patcher.noise = noise
    calls.clear()
    assert len(list(hidden_under_each(model, patcher, patches, IDS, MASK))) == 3
    assert [calls.count(i) for i in range(4)] == [2, 2, 2, 3]


def test_the_model_is_pristine_afterwards(gpt2, corrupted):
    patches, noise = corrupted(gpt2)
    model = load(gpt2.backup, EXACT)
    before = model.logits(IDS)[0]
    patcher = Patcher(model, gpt2.backup / "model.safetensors", noise)
    list(hidden_under_each(model, patcher, patches, IDS, MASK))
    assert torch.equal(model.logits(IDS)[0], before)
