import numpy
import pytest
import torch
from needq.exact.arithmetic import quantise, right_bits, rounded
from needq.exact.attention import KeysValues, attention, recent

generator = torch.Generator().manual_seed(0)
CONTEXT = 32


def normal(*shape):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def past(keys, values):
    return KeysValues(
        rounded(keys, right_bits(keys.shape[-1]), -1), quantise(values, right_bits(CONTEXT))
    )


def causal(batch, tokens):
    return torch.ones(batch, tokens, tokens, dtype=torch.bool).tril()


def test_scores_are_capped():
    query, keys, values = normal(2, 4, 9, 8), normal(2, 2, 9, 8), normal(2, 2, 9, 8)
    scores = (query.unflatten(1, (2, 2)) @ keys.mT.unsqueeze(2) / 0.5).tanh() * 0.5
    scores.masked_fill_(~causal(2, 9)[:, None, None], -torch.inf)
    expected = (scores.softmax(-1) @ values.unsqueeze(2)).flatten(1, 2)
    result = attention(query, past(keys, values), causal(2, 9), CONTEXT, cap=0.5)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("window", [None, 1, 3, 9])
def test_a_window_holds_the_last_keys_seen(window):
    visible = torch.tensor([[False] * 3 + [True] * 5, [True, False] * 4])
    visible = (visible[:, None] & torch.ones(8, 8, dtype=torch.bool).tril())[:, -4:]
    seen = recent(visible, window)
    for row, kept in zip(visible.flatten(0, 1), seen.flatten(0, 1), strict=True):
        keys = row.nonzero().flatten().tolist()
        assert kept.nonzero().flatten().tolist() == keys[-(window or 8) :]
    query, keys, values = normal(2, 2, 4, 8), normal(2, 2, 8, 8), normal(2, 2, 8, 8)
    result = attention(query, past(keys, values), visible, CONTEXT, window)
    assert torch.equal(result, attention(query, past(keys, values), seen, CONTEXT))


@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_attention(key_heads):
    query, keys, values = normal(2, 4, 9, 8), normal(2, key_heads, 9, 8), normal(2, key_heads, 9, 8)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, keys, values, is_causal=True, scale=1.0, enable_gqa=True
    )
    result = attention(query, past(keys, values), causal(2, 9), CONTEXT)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-7)


def test_attention_does_not_depend_on_the_order_of_keys():
    query, keys, values = normal(1, 2, 1, 8), normal(1, 2, 30, 8), normal(1, 2, 30, 8)
    values[:, :, 5] = 1e4
    visible = torch.ones(1, 1, 30, dtype=torch.bool)
    order = torch.randperm(30, generator=generator)
    straight = attention(query, past(keys, values), visible, CONTEXT)
    shuffled = attention(query, past(keys[:, :, order], values[:, :, order]), visible, CONTEXT)
    assert torch.equal(straight, shuffled)


def test_a_later_token_changes_nothing_before_it():
    query, keys, values = normal(1, 2, 20, 8), normal(1, 2, 20, 8), normal(1, 2, 20, 8)
    keys[:, :, -1], values[:, :, -1] = 1e6, 1e9  # as large as it likes
    whole = attention(query, past(keys, values), causal(1, 20), CONTEXT)
    cut = past(keys[:, :, :19], values[:, :, :19])
    assert torch.equal(whole[:, :, :19], attention(query[:, :, :19], cut, causal(1, 19), 32))


def test_hidden_keys_count_for_nothing():
    query, keys, values = normal(1, 2, 1, 8), normal(1, 2, 20, 8), normal(1, 2, 20, 8)
    visible = torch.arange(20).remainder(3).ne(0)
    some = attention(query, past(keys, values), visible[None, None], CONTEXT)
    keys, values = keys[:, :, visible], values[:, :, visible]
    alone = torch.ones(1, 1, int(visible.sum()), dtype=torch.bool)
    assert torch.equal(some, attention(query, past(keys, values), alone, CONTEXT))


def test_values_of_zero_and_of_great_range():
    query, keys, values = normal(1, 1, 1, 8), normal(1, 1, 4, 8), normal(1, 1, 4, 8)
    values[:, :, 0], values[:, :, 1] = 0.0, 1e-30
    visible = torch.ones(1, 1, 4, dtype=torch.bool)
    result = attention(query, past(keys, values), visible, CONTEXT)
    expected = torch.nn.functional.scaled_dot_product_attention(query, keys, values, scale=1.0)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-7)
    nothing = attention(query, past(keys, 0 * values), visible, CONTEXT)
    assert numpy.array_equal(nothing, numpy.zeros((1, 1, 1, 8)))
