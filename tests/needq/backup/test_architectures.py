"""Architectures: slices are what a model itself computes queries, keys, values, outputs with."""

import pytest
import torch
from needq.backup.architectures import find_architecture
from needq.backup.layout import Slice
from needq.common.errors import UserError

GPT2_SIZES = {"n_layer": 2, "n_embd": 8, "n_head": 2, "n_positions": 16, "vocab_size": 10}
LLAMA_SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "num_attention_heads": 4,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "vocab_size": 10,
}
BLOCK = 1


def zero(model, slices):
    parameters = dict(model.named_parameters())
    for part in slices:
        parameters[part.tensor].detach()[part.index()] = 0


def project(model, architecture, matrix, inputs):
    """One of Q, K, V, O of a block by its own layer, without the bias."""
    if architecture.name == "LlamaForCausalLM":
        layer = getattr(model.model.layers[BLOCK].self_attn, f"{matrix}_proj")
        return layer(inputs)
    attention = model.transformer.h[BLOCK].attn
    if matrix == "o":
        return attention.c_proj(inputs) - attention.c_proj.bias
    both = attention.c_attn(inputs) - attention.c_attn.bias
    return both.split(architecture.width, dim=-1)["qkv".index(matrix)]


def test_sizes_are_those_of_the_models(gpt2, llama):
    first, second = gpt2.architecture, llama.architecture
    assert (first.n_blocks, first.width, first.heads) == (4, 24, 3)
    assert (first.key_value_heads, first.head_width) == (3, 8)
    assert (second.n_blocks, second.width, second.heads) == (4, 24, 6)
    assert (second.key_value_heads, second.head_width) == (2, 4)
    assert first.context == second.context == 64
    assert first.vocabulary == second.vocabulary == 257


@pytest.mark.parametrize("matrix", "qkvo")
def test_a_matrix_set_to_zero_silences_its_projection_alone(small, matrix):
    model, architecture = small.load(), small.architecture
    inputs = {m: torch.randn(5, 24, generator=torch.Generator().manual_seed(1)) for m in "qkvo"}
    before = {m: project(model, architecture, m, inputs[m]) for m in "qkvo"}
    zero(model, architecture.matrix(matrix, BLOCK).slices)
    for projected in "qkvo":
        after = project(model, architecture, projected, inputs[projected])
        if projected == matrix:
            assert before[projected].abs().max() > 0.1
            assert after.abs().max() < 1e-6
        else:
            assert torch.equal(after, before[projected])


@pytest.mark.parametrize("matrix", "qkv")
def test_a_head_of_q_k_v_owns_a_part_of_the_output(small, matrix):
    model, architecture = small.load(), small.architecture
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    before = project(model, architecture, matrix, inputs)
    zero(model, architecture.parts(matrix, BLOCK, heads=[1]))
    after = project(model, architecture, matrix, inputs)
    own = slice(architecture.head_width, 2 * architecture.head_width)
    assert after[:, own].abs().max() < 1e-6
    before[:, own] = after[:, own]
    assert torch.equal(after, before)


def test_a_head_of_o_owns_a_part_of_the_input(small):
    model, architecture = small.load(), small.architecture
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    others = inputs.clone()
    others[:, architecture.head_width : 2 * architecture.head_width] = 0
    expected = project(model, architecture, "o", others)
    zero(model, architecture.parts("o", BLOCK, heads=[1]))
    torch.testing.assert_close(project(model, architecture, "o", inputs), expected)


@pytest.mark.parametrize("matrix", "qkv")
def test_dimensions_of_q_k_v_are_inputs(small, matrix):
    model, architecture = small.load(), small.architecture
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    others = inputs.clone()
    others[:, [0, 7]] = 0
    expected = project(model, architecture, matrix, others)
    zero(model, architecture.parts(matrix, BLOCK, dimensions=[0, 7]))
    torch.testing.assert_close(project(model, architecture, matrix, inputs), expected)


def test_dimensions_of_o_are_outputs(small):
    model, architecture = small.load(), small.architecture
    inputs = torch.randn(5, 24, generator=torch.Generator().manual_seed(1))
    expected = project(model, architecture, "o", inputs)
    expected[:, [0, 7]] = 0
    zero(model, architecture.parts("o", BLOCK, dimensions=[0, 7]))
    torch.testing.assert_close(
        project(model, architecture, "o", inputs), expected, atol=1e-5, rtol=0
    )


def test_biases_of_gpt2_and_none_of_llama(gpt2, llama):
    model, architecture = gpt2.load(), gpt2.architecture
    attention = model.transformer.h[BLOCK].attn
    whole = torch.cat([attention.c_attn.bias, attention.c_proj.bias])
    parameters = dict(model.named_parameters())
    biases = [architecture.bias(matrix, BLOCK) for matrix in "qkvo"]
    parts = [parameters[part.tensor][part.index()] for bias in biases for part in bias.slices]
    assert torch.equal(torch.cat(parts), whole)
    (part,) = architecture.bias_parts("k", BLOCK, heads=[2])
    assert part.ranges == ((24 + 16, 24 + 24),)
    assert architecture.bias_parts("o", BLOCK, heads=[2]) == [*architecture.bias("o", BLOCK).slices]
    assert all(llama.architecture.bias_parts(matrix, BLOCK) == [] for matrix in "qkvo")


def test_a_slice_in_its_tensor_and_in_its_matrix():
    part = Slice("a.b.weight", ((1, 2), (10, 12)), ((1, 2), (2, 4)))
    assert part.index() == (slice(1, 2), slice(10, 12))
    assert part.within() == (slice(1, 2), slice(2, 4))
    assert part.module == "a.b"


def test_heads_and_dimensions_that_do_not_exist_are_refused(llama):
    for arguments, message in (
        ({"matrix": "q", "heads": [6]}, "heads: no 6; the model has 0 to 5"),
        ({"matrix": "k", "heads": [2]}, "heads: no 2; the model has 0 to 1"),
        ({"matrix": "q", "dimensions": [24]}, "dimensions: no 24; the model has 0 to 23"),
    ):
        with pytest.raises(UserError, match=message):
            llama.architecture.parts(block=0, **arguments)


def test_the_sizes_of_configs_with_and_without_optional_keys():
    gpt2 = find_architecture({"architectures": ["GPT2LMHeadModel"]} | GPT2_SIZES)
    assert (gpt2.head_width, gpt2.key_value_heads) == (4, 2)
    llama = find_architecture({"architectures": ["LlamaForCausalLM"]} | LLAMA_SIZES)
    assert (llama.head_width, llama.key_value_heads) == (2, 4)
    wide = {"head_dim": 16, "num_key_value_heads": 1}
    llama = find_architecture({"architectures": ["LlamaForCausalLM"]} | LLAMA_SIZES | wide)
    assert llama.matrix("q", 0).slices[0].ranges == ((0, 64), (0, 8))
    assert llama.matrix("k", 0).slices[0].ranges == ((0, 16), (0, 8))
    assert llama.matrix("o", 0).slices[0].ranges == ((0, 8), (0, 64))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architectures": ["BertModel"]}, "BertModel"),
        ({"architectures": []}, "names no architecture"),
        ({}, "names no architecture"),
    ],
)
def test_other_architectures_are_refused_by_name(config, message):
    with pytest.raises(UserError, match=message):
        find_architecture(config)
