"""Adapters: slices are what the model itself computes queries, keys, values and outputs with."""

import pytest
import torch
from needq.backup.architectures import Slice, adapter
from needq.common.errors import UserError

GPT2_SIZES = {"n_layer": 2, "n_embd": 8, "n_head": 2, "n_positions": 16, "vocab_size": 10}
LLAMA_SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "num_attention_heads": 4,
    "max_position_embeddings": 16,
    "vocab_size": 10,
}
BLOCK = 1


def zero(model, slices):
    parameters = dict(model.named_parameters())
    for part in slices:
        parameters[part.tensor].detach()[part.index()] = 0


def project(model, sizes, matrix, inputs):
    """One of Q, K, V, O of a block by its own layer, without the bias."""
    if sizes.architecture == "LlamaForCausalLM":
        layer = getattr(model.model.layers[BLOCK].self_attn, f"{matrix}_proj")
        return layer(inputs)
    attention = model.transformer.h[BLOCK].attn
    if matrix == "o":
        return attention.c_proj(inputs) - attention.c_proj.bias
    both = attention.c_attn(inputs) - attention.c_attn.bias
    return both.split(sizes.width, dim=-1)["qkv".index(matrix)]


def test_sizes_are_those_of_the_models(gpt2, llama):
    assert (gpt2.adapter.blocks, gpt2.adapter.width, gpt2.adapter.heads) == (4, 24, 3)
    assert (gpt2.adapter.key_value_heads, gpt2.adapter.head_width) == (3, 8)
    assert (llama.adapter.blocks, llama.adapter.width, llama.adapter.heads) == (4, 24, 6)
    assert (llama.adapter.key_value_heads, llama.adapter.head_width) == (2, 4)
    assert gpt2.adapter.context == llama.adapter.context == 64
    assert gpt2.adapter.vocabulary == llama.adapter.vocabulary == 257


@pytest.mark.parametrize("matrix", "qkvo")
def test_a_matrix_set_to_zero_silences_its_projection_alone(small, matrix):
    model, sizes = small.load(), small.adapter
    inputs = {m: torch.randn(5, 24, generator=torch.Generator().manual_seed(1)) for m in "qkvo"}
    before = {m: project(model, sizes, m, inputs[m]) for m in "qkvo"}
    zero(model, [sizes.matrix(matrix, BLOCK)])
    for other in "qkvo":
        after = project(model, sizes, other, inputs[other])
        if other == matrix:
            assert before[other].abs().max() > 0.1 and after.abs().max() < 1e-6
        else:
            assert torch.equal(after, before[other])


@pytest.mark.parametrize("matrix", "qkv")
def test_a_head_of_q_k_v_owns_a_part_of_the_output(small, matrix):
    model, sizes = small.load(), small.adapter
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    before = project(model, sizes, matrix, inputs)
    zero(model, sizes.parts(matrix, BLOCK, heads=[1]))
    after = project(model, sizes, matrix, inputs)
    own = slice(sizes.head_width, 2 * sizes.head_width)
    assert after[:, own].abs().max() < 1e-6
    before[:, own] = after[:, own]
    assert torch.equal(after, before)


def test_a_head_of_o_owns_a_part_of_the_input(small):
    model, sizes = small.load(), small.adapter
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    others = inputs.clone()
    others[:, sizes.head_width : 2 * sizes.head_width] = 0
    expected = project(model, sizes, "o", others)
    zero(model, sizes.parts("o", BLOCK, heads=[1]))
    torch.testing.assert_close(project(model, sizes, "o", inputs), expected)


@pytest.mark.parametrize("matrix", "qkv")
def test_dimensions_of_q_k_v_are_inputs(small, matrix):
    model, sizes = small.load(), small.adapter
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    others = inputs.clone()
    others[:, [0, 7]] = 0
    expected = project(model, sizes, matrix, others)
    zero(model, sizes.parts(matrix, BLOCK, dimensions=[0, 7]))
    torch.testing.assert_close(project(model, sizes, matrix, inputs), expected)


def test_dimensions_of_o_are_outputs(small):
    model, sizes = small.load(), small.adapter
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    expected = project(model, sizes, "o", inputs)
    expected[:, [0, 7]] = 0
    zero(model, sizes.parts("o", BLOCK, dimensions=[0, 7]))
    torch.testing.assert_close(project(model, sizes, "o", inputs), expected, atol=1e-5, rtol=0)


def test_biases_of_gpt2_and_none_of_llama(gpt2, llama):
    model, sizes = gpt2.load(), gpt2.adapter
    attention = model.transformer.h[BLOCK].attn
    whole = torch.cat([attention.c_attn.bias, attention.c_proj.bias])
    parameters = dict(model.named_parameters())
    found = [sizes.bias(matrix, BLOCK) for matrix in "qkvo"]
    parts = [parameters[part.tensor][part.index()] for part in found]
    assert torch.equal(torch.cat(parts), whole)
    (part,) = sizes.bias_parts("k", BLOCK, heads=[2])
    assert part.ranges == ((24 + 16, 24 + 24),)
    assert sizes.bias_parts("o", BLOCK, heads=[2]) == [sizes.bias("o", BLOCK)]
    assert all(llama.adapter.bias_parts(matrix, BLOCK) == [] for matrix in "qkvo")


def test_a_slice_within_another():
    outer = Slice("w", ((0, 4), (8, 16)))
    assert Slice("w", ((1, 2), (10, 12))).within(outer) == (slice(1, 2), slice(2, 4))


def test_heads_and_dimensions_that_do_not_exist_are_refused(llama):
    for arguments, message in (
        ({"matrix": "q", "heads": [6]}, "heads: no 6; the model has 0 to 5"),
        ({"matrix": "k", "heads": [2]}, "heads: no 2; the model has 0 to 1"),
        ({"matrix": "q", "dimensions": [24]}, "dimensions: no 24; the model has 0 to 23"),
    ):
        with pytest.raises(UserError, match=message):
            llama.adapter.parts(block=0, **arguments)


def test_the_sizes_of_configs_with_and_without_optional_keys():
    gpt2 = adapter({"architectures": ["GPT2LMHeadModel"]} | GPT2_SIZES)
    assert (gpt2.head_width, gpt2.key_value_heads) == (4, 2)
    llama = adapter({"architectures": ["LlamaForCausalLM"]} | LLAMA_SIZES)
    assert (llama.head_width, llama.key_value_heads) == (2, 4)
    wide = {"head_dim": 16, "num_key_value_heads": 1}
    llama = adapter({"architectures": ["LlamaForCausalLM"]} | LLAMA_SIZES | wide)
    assert llama.matrix("q", 0).ranges == ((0, 64), (0, 8))
    assert llama.matrix("k", 0).ranges == ((0, 16), (0, 8))
    assert llama.matrix("o", 0).ranges == ((0, 8), (0, 64))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architectures": ["BertModel"]}, "BertModel"),
        ({"architectures": []}, "none named"),
        ({}, "none named"),
        ({"architectures": ["LlamaForCausalLM"], "attention_bias": True}, "attention biases"),
    ],
)
def test_other_architectures_are_refused_by_name(config, message):
    with pytest.raises(UserError, match=message):
        adapter(config)
