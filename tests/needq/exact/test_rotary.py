"""Rotary positions, compared with mpmath."""

import float64_llama
import numpy
import pytest
import torch
from needq.exact.elementary import ANGLE_LIMIT
from needq.exact.rotary import Rotary, frequencies_of, most_positions

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
    made = frequencies_of({"rope_type": kind, "rope_theta": 1e4} | own, SIZE, CONTEXT)
    numpy.testing.assert_allclose(made, [float(f) for f in wanted], rtol=1e-14)
    if kind == "llama3":  # some of each: kept, blended, stretched
        assert len({round(ratio, 6) for ratio in (made / torch.tensor(PLAIN)).tolist()}) > 2


def test_the_first_context_of_llama3_is_the_models_if_none_is_named():
    named = {"rope_type": "llama3", **LLAMA3}
    unnamed = {k: value for k, value in named.items() if k != "original_max_position_embeddings"}
    assert torch.equal(frequencies_of(unnamed, SIZE, 48), frequencies_of(named, SIZE, CONTEXT))


def test_a_part_of_each_head_is_turned_and_the_rest_left_alone():
    own = {"rope_theta": 1e4, "partial_rotary_factor": 0.5}
    frequencies = frequencies_of(own, SIZE, CONTEXT)
    assert len(frequencies) == SIZE // 4
    rotary = Rotary(frequencies, CONTEXT, torch.device("cpu"))
    x = torch.randn(2, 3, 5, SIZE, dtype=torch.float64)
    positions = torch.tensor([[0, 1, 2, 3, 4], [9, 50, 60, 70, 95]])
    turned = rotary.turn(x, positions)
    assert torch.equal(turned[..., SIZE // 2 :], x[..., SIZE // 2 :])
    for row in range(2):
        cosine, sine = float64_llama.tables(positions[row].tolist(), frequencies.tolist())
        wanted = float64_llama.turned(x[row, ..., : SIZE // 2].numpy(), cosine, sine)
        numpy.testing.assert_allclose(turned[row, ..., : SIZE // 2], wanted, rtol=0, atol=1e-14)


def test_no_angle_passes_the_range_of_sin_and_cos():
    assert most_positions(frequencies_of({}, SIZE, CONTEXT)) == ANGLE_LIMIT
    fast = frequencies_of({"rope_type": "linear", "factor": 0.3}, SIZE, CONTEXT)
    most = most_positions(fast)
    assert (most - 1) * fast.max() <= ANGLE_LIMIT < (most + 1) * fast.max()
    assert not Rotary(fast, most, torch.device("cpu")).sine.isnan().any()
