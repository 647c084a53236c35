"""Rotary positions, compared with mpmath."""

import float64_llama
import numpy
import pytest
import torch
from needq.exact.elementary import ANGLE_LIMIT
from needq.exact.rotary import Rotary, frequencies_of
from needq.inference.float64 import Float64
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 48,
}
SIZE, CONTEXT = 24, 96
PLAIN = [float(f) for f in float64_llama.frequencies(SIZE, 1e4, None)]
KINDS = {
    "default": ({}, PLAIN),
    "dynamic": ({"factor": 4.0}, PLAIN),
    "linear": ({"factor": 4.0}, [f / 4 for f in PLAIN]),
    "llama3": (LLAMA3, float64_llama.frequencies(SIZE, 1e4, LLAMA3)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_are_those_of_mpmath(kind):
    own, wanted = KINDS[kind]
    made, _ = frequencies_of({"rope_type": kind, "rope_theta": 1e4} | own, SIZE, CONTEXT)
    numpy.testing.assert_allclose(made, [float(f) for f in wanted], rtol=1e-14)
    if kind == "llama3":  # some of each: kept, blended, stretched
        assert len({round(ratio, 6) for ratio in (made / torch.tensor(PLAIN)).tolist()}) > 2


def test_the_first_context_of_llama3_is_the_models_if_none_is_named():
    named = {"rope_type": "llama3", **LLAMA3}
    unnamed = {k: value for k, value in named.items() if k != "original_max_position_embeddings"}
    made = frequencies_of(unnamed, SIZE, 48).turns
    assert torch.equal(made, frequencies_of(named, SIZE, CONTEXT).turns)


YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}
YARN["original_max_position_embeddings"] = 48


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"factor": 0.5},
        {"truncate": False},
        {"attention_factor": 1.3},
        {"beta_fast": 4.0, "beta_slow": 2.0},
        {"beta_fast": 1.0, "truncate": False},
        {"mscale": 0.7, "mscale_all_dim": 1.2},
    ],
)
def test_yarn_is_that_of_transformers(own):
    rope = YARN | own
    sizes = {"hidden_size": 2 * SIZE, "num_attention_heads": 2, "max_position_embeddings": CONTEXT}
    with Float64():
        wanted, factor = ROPE_INIT_FUNCTIONS["yarn"](LlamaConfig(**sizes, rope_parameters=rope))
    made = frequencies_of(rope, SIZE, CONTEXT)
    torch.testing.assert_close(made.turns, wanted, rtol=1e-13, atol=0)
    assert made.factor == pytest.approx(factor, rel=1e-15)
    rotary = Rotary(made, CONTEXT, torch.device("cpu"))
    assert rotary.cosine[0, 0] == made.factor
    torch.testing.assert_close(
        rotary.sine**2 + rotary.cosine**2, torch.full_like(rotary.sine, factor**2)
    )


def test_a_part_of_each_head_is_turned_and_the_rest_left_alone():
    own = {"rope_theta": 1e4, "partial_rotary_factor": 0.5}
    frequencies = frequencies_of(own, SIZE, CONTEXT)
    assert len(frequencies.turns) == SIZE // 4
    rotary = Rotary(frequencies, CONTEXT, torch.device("cpu"))
    x = torch.randn(2, 3, 5, SIZE, dtype=torch.float64)
    positions = torch.tensor([[0, 1, 2, 3, 4], [9, 50, 60, 70, 95]])
    turned = rotary.turn(x, positions)
    assert torch.equal(turned[..., SIZE // 2 :], x[..., SIZE // 2 :])
    for row in range(2):
        cosine, sine = float64_llama.tables(positions[row].tolist(), frequencies.turns.tolist())
        wanted = float64_llama.turned(x[row, ..., : SIZE // 2].numpy(), cosine, sine)
        numpy.testing.assert_allclose(turned[row, ..., : SIZE // 2], wanted, rtol=0, atol=1e-14)


def test_no_angle_passes_the_range_of_sin_and_cos():
    assert frequencies_of({}, SIZE, CONTEXT).most_positions() == ANGLE_LIMIT
    fast = frequencies_of({"rope_type": "linear", "factor": 0.3}, SIZE, CONTEXT)
    most, largest = fast.most_positions(), fast.turns.max()
    assert (most - 1) * largest <= ANGLE_LIMIT < (most + 1) * largest
    assert not Rotary(fast, most, torch.device("cpu")).sine.isnan().any()
