"""Native arithmetic: the precision and kernels that the backend says."""

import pytest
import torch


@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("kernels", ["sdpa", "eager"])
def test_a_model_is_loaded_as_the_backend_says(small, precision, kernels):
    model = small.load(precision, kernels)
    assert {p.dtype for p in model.parameters()} == {getattr(torch, precision)}
    assert model.config._attn_implementation == kernels
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    for name, parameter in model.named_parameters():
        pristine = torch.from_numpy(small.tensors[name])
        assert torch.equal(parameter, pristine.to(parameter.dtype))


def test_precisions_and_kernels_agree_within_rounding(small):
    ids = torch.arange(12)[None]
    wanted = small.load("float64")(ids).logits
    for precision, kernels, error in (
        ("float64", "eager", 1e-12),
        ("float32", "sdpa", 1e-3),
        ("float32", "eager", 1e-3),
    ):
        logits = small.load(precision, kernels)(ids).logits.double()
        assert 0 < (logits - wanted).abs().max() < error
