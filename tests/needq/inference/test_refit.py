"""Refitting: what is trained moves as AdamW says, and every other bit stays."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from needq.backup.parameter_sets import query_parts, trained_parts
from needq.common.healing import RATES, Healing
from needq.inference import refit as module
from needq.inference.native import NativeModel
from needq.inference.refit import Refit, learning_rate, mean_nll, refit

ROWS = [[256, *text.encode()] for text in ("A cat sat on it.", "A dog.", "The cat ran on and on.")]
RATE = 0.01


def bits(model):
    """The bits of every parameter."""
    return {name: p.detach().numpy().copy() for name, p in model.model.named_parameters()}


def trained(model, parameters, steps, architecture, rate=RATE):
    """A model after some steps on the same rows, and its losses."""
    training = refit(model, architecture, parameters, Healing(steps=steps, learning_rate=rate))
    return [training.step(number, ROWS) for number in range(steps)]


@pytest.mark.parametrize("parameters", ["keys", "keys_values_outputs", "norms", "all_but_queries"])
def test_only_what_is_trained_changes(small, parameters, restored):
    model = NativeModel(small.load())
    before = bits(model)
    losses = trained(model, parameters, 12, small.architecture)
    after = bits(model)
    assert losses[-1] < losses[0]
    wanted = {name: np.zeros(values.shape, bool) for name, values in before.items()}
    for found, value in (
        (trained_parts(small.architecture, parameters), True),
        (query_parts(small.architecture), False),
    ):
        for name, indices in found.items():
            for index in indices:
                wanted[name][index] = value
    moved = {name: after[name].view(np.int32) != before[name].view(np.int32) for name in before}
    for name, values in moved.items():
        assert not (values & ~wanted[name]).any(), name
    shares = [values[wanted[name]].mean() for name, values in moved.items() if wanted[name].any()]
    assert np.mean(shares) > 0.5


def test_query_biases_alone(gpt2, restored):
    model = NativeModel(gpt2.load())
    before = bits(model)
    trained(model, "query_biases", 3, gpt2.architecture)
    after = bits(model)
    changed = {name for name in before if (after[name] != before[name]).any()}
    assert changed == {f"transformer.h.{block}.attn.c_attn.bias" for block in range(4)}
    for name in changed:
        np.testing.assert_array_equal(after[name][24:], before[name][24:])


def test_weight_decay_would_not_move_what_is_frozen(gpt2, restored):
    """The bits are put back whatever the optimiser does to them."""
    model = NativeModel(gpt2.load())
    before = bits(model)
    training = refit(model, gpt2.architecture, "keys", Healing(steps=5))
    for group in training.optimizer.param_groups:
        group["weight_decay"] = 0.5
    for number in range(5):
        training.step(number, ROWS)
    name = "transformer.h.1.attn.c_attn.weight"
    after = bits(model)
    np.testing.assert_array_equal(after[name][:, :24], before[name][:, :24])
    np.testing.assert_array_equal(after[name][:, 48:], before[name][:, 48:])
    assert (after[name][:, 24:48] != before[name][:, 24:48]).all()


def test_the_loss_is_transformers_own(small, restored):
    model = NativeModel(small.load())
    row = torch.tensor(ROWS[:1])
    own = model.model(input_ids=row, labels=row).loss
    assert mean_nll(model, ROWS[:1]).item() == pytest.approx(own.item(), rel=1e-6)
    # rows of other lengths count token by token
    losses = [mean_nll(model, [one]).item() for one in ROWS]
    tokens = [len(one) - 1 for one in ROWS]
    together = mean_nll(model, ROWS).item()
    assert together == pytest.approx(np.average(losses, weights=tokens), rel=1e-6)


def test_a_step_is_adamw_of_the_clipped_gradient(gpt2, restored):
    """Kingma and Ba (2015), algorithm 1, in numpy on the gradients of another copy."""
    # in float64, since the gradient of b_K is 0 but for rounding, which AdamW would magnify
    model, other = NativeModel(gpt2.load("float64")), NativeModel(gpt2.load("float64"))
    steps = 4
    training = refit(
        model, gpt2.architecture, "all_but_queries", Healing(steps=steps, learning_rate=RATE)
    )
    mean, square = {}, {}
    for number in range(steps):
        frozen = query_parts(gpt2.architecture)
        for parameter in other.model.parameters():
            parameter.requires_grad_(True)
            parameter.grad = None
        mean_nll(other, ROWS).backward()
        gradients = {}
        for name, parameter in other.model.named_parameters():
            gradients[name] = parameter.grad.numpy()
            for index in frozen.get(name, ()):
                gradients[name][index] = 0
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        rate = RATE * (number + 1) / 10 * (1 - number / steps)
        for name, parameter in other.model.named_parameters():
            gradient = gradients[name] * min(1, 1 / norm)
            mean[name] = 0.9 * mean.get(name, 0) + 0.1 * gradient
            square[name] = 0.95 * square.get(name, 0) + 0.05 * gradient**2
            unbiased = mean[name] / (1 - 0.9 ** (number + 1))
            root = np.sqrt(square[name] / (1 - 0.95 ** (number + 1)))
            with torch.no_grad():
                parameter -= torch.from_numpy(rate * unbiased / (root + 1e-8))
        training.step(number, ROWS)
    for name, values in bits(model).items():
        expected = dict(other.model.named_parameters())[name].detach().numpy()
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)


@given(st.integers(1, 500), st.floats(1e-5, 1))
def test_the_learning_rate_rises_and_falls(steps, largest):
    rates = [learning_rate(number, steps, largest) for number in range(steps)]
    assert all(0 < rate <= largest for rate in rates)
    after = rates[module.WARM_UP :]
    assert after == sorted(after, reverse=True)
    if steps > 100:
        assert max(rates) > 0.9 * largest
        assert rates[-1] < 0.01 * largest


def test_what_is_frozen_wins(gpt2):
    whole = {"transformer.ln_f.bias": [(slice(0, 24),)]}
    part = {"transformer.ln_f.bias": [(slice(0, 20),)]}
    training = Refit(NativeModel(gpt2.load()), whole, part, 1, RATE)
    assert training.masks["transformer.ln_f.bias"].tolist() == [False] * 20 + [True] * 4
    assert list(training.parameters) == ["transformer.ln_f.bias"]


def test_each_set_has_its_own_learning_rate(gpt2):
    model = NativeModel(gpt2.load())
    for parameters, rate in RATES.items():
        own = refit(model, gpt2.architecture, parameters, Healing())
        assert own.learning_rate == rate
        given = refit(model, gpt2.architecture, parameters, Healing(learning_rate=0.5))
        assert given.learning_rate == 0.5
