import pytest
import torch
from needq.exact import layers
from transformers.activations import ACT2FN

generator = torch.Generator().manual_seed(0)


def normal(*shape):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_layer_norm():
    x, weight, bias = normal(7, 48), normal(48), normal(48)
    expected = torch.nn.functional.layer_norm(x, (48,), weight, bias, 1e-5)
    torch.testing.assert_close(
        layers.layer_norm(x, weight, bias, 1e-5), expected, rtol=1e-11, atol=1e-11
    )


def test_rms_norm():
    x, weight = normal(7, 48), normal(48)
    expected = torch.nn.functional.rms_norm(x, (48,), weight, 1e-5)
    torch.testing.assert_close(layers.rms_norm(x, weight, 1e-5), expected, rtol=1e-11, atol=1e-11)


def test_gelu_and_silu():
    x = torch.cat(
        (10 * normal(2000), torch.tensor([0.0, -1e4, 1e4, -1e80, 1e80], dtype=torch.float64))
    )
    expected = torch.nn.functional.gelu(x, approximate="tanh")
    torch.testing.assert_close(layers.gelu(x), expected, rtol=1e-12, atol=1e-14)
    x = x.clamp(-1e6, 1e6)
    expected = torch.nn.functional.silu(x)
    torch.testing.assert_close(layers.silu(x), expected, rtol=1e-13, atol=1e-100)


# errors are relative to x: where x is far below 0, 1 + erf cancels, in transformers too
@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_activations_are_those_of_transformers(name):
    x = torch.cat((3 * normal(2000), torch.tensor([0.0, -1e4, 1e4], dtype=torch.float64)))
    expected = ACT2FN[name](x)
    torch.testing.assert_close(layers.ACTIVATIONS[name](x), expected, rtol=1e-13, atol=1e-14)


def test_values_are_capped():
    x = torch.cat((10 * normal(2000), torch.tensor([0.0, -1e80, 1e80], dtype=torch.float64)))
    torch.testing.assert_close(layers.capped(x, 5.0), 5 * torch.tanh(x / 5), rtol=1e-14, atol=0)
