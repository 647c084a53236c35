"""Fused kernels: the scores of a model's own kernels, up to their last bits."""

import copy

import pytest
import torch
from needq.inference import fused
from needq.inference.fused import fuse, fuse_gelu
from needq.inference.native import NativeModel
from torch.nn import Identity

IDS = torch.tensor([[3, 1, 4, 1, 5, 9]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("change", [fuse, fuse_gelu])
def test_fused_kernels_change_last_bits_only(gpt2, dtype, change):
    model = NativeModel(copy.deepcopy(gpt2.load(dtype)))
    before = model.logits(IDS)[0]
    change(model)
    after = model.logits(IDS)[0]
    named = [type(module).__name__ for module in model.model.modules()]
    assert ("NewGELUActivation" in named) is (dtype == "bfloat16")
    if dtype == "bfloat16":
        assert torch.equal(before, after)
    else:
        bound = 1e-4 if dtype == "float32" else 1e-12
        torch.testing.assert_close(after, before, rtol=bound, atol=bound)


@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 9])
def test_attention_without_later_keys_is_attention(monkeypatch, gpt2, tokens):
    monkeypatch.setattr(fused, "QUERIES", 3)
    own, model = (NativeModel(copy.deepcopy(gpt2.load("float32"))) for _ in range(2))
    fuse(model)
    ids = torch.arange(2 * tokens).view(2, tokens)
    shapes = []
    attention = torch.nn.functional.scaled_dot_product_attention

    def seen(query, key, *rest, **settings):
        shapes.append((query.shape[2], key.shape[2]))
        return attention(query, key, *rest, **settings)

    wanted = own.logits(ids)[0]
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "scaled_dot_product_attention", seen)
        torch.testing.assert_close(model.logits(ids)[0], wanted, rtol=1e-4, atol=1e-4)
    slices = [(min(3, tokens - start), min(start + 3, tokens)) for start in range(0, tokens, 3)]
    assert shapes == slices * model.n_blocks
    # one more token, whose query sees all keys
    _, cache = model.logits(ids)
    _, whole = own.logits(ids)
    more = torch.tensor([[7], [8]])
    found, wanted = model.logits(more, cache)[0], own.logits(more, whole)[0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_products_of_onednn_have_the_weights_of_the_moment(gpt2):
    own, model = (NativeModel(copy.deepcopy(gpt2.load("float32"))) for _ in range(2))
    fuse(model)
    assert any(isinstance(module, Identity) for module in model.model.modules())
    pristine = model.logits(IDS)[0]
    name = "transformer.h.1.mlp.c_fc.weight"
    weight = dict(model.model.named_parameters())[name]
    for each in (own, model):
        each.replace(name, torch.zeros_like(weight))
    torch.testing.assert_close(model.logits(IDS)[0], own.logits(IDS)[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(model.logits(IDS)[0], pristine, atol=1e-3)
    model.restore()
    assert torch.equal(model.logits(IDS)[0], pristine)
