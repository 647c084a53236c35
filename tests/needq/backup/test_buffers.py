"""Buffers are left out only if they hold what the model computes."""

import numpy as np
import pytest
from needq.backup.buffers import is_as_computed, is_buffer

MASK = "transformer.h.1.attn.bias"
FREQUENCIES = "model.layers.1.self_attn.rotary_emb.inv_freq"


def test_buffers_are_known_by_name_with_and_without_the_prefix(gpt2, llama):
    for name in (MASK, "h.3.attn.bias", "h.0.attn.masked_bias"):
        assert is_buffer(gpt2.architecture, name)
        assert not is_buffer(llama.architecture, name)
    for name in (
        FREQUENCIES,
        "layers.0.self_attn.rotary_emb.inv_freq",
        "model.rotary_emb.inv_freq",
    ):
        assert is_buffer(llama.architecture, name)
        assert not is_buffer(gpt2.architecture, name)
    assert not is_buffer(gpt2.architecture, "transformer.h.4.attn.bias")  # blocks 0 to 3


def test_a_mask_is_causal(gpt2):
    causal = np.tril(np.ones((1, 1, 64, 64), np.float32))
    assert is_as_computed(gpt2.architecture, MASK, causal)
    window = causal - np.tril(causal, -8)
    for other in (window, np.ones_like(causal), causal[..., :5], np.float32(1)):
        assert not is_as_computed(gpt2.architecture, MASK, np.asarray(other))
    assert is_as_computed(gpt2.architecture, "h.0.attn.masked_bias", np.float32([-1e9]))
    assert not is_as_computed(gpt2.architecture, "h.0.attn.masked_bias", np.float32([0.0]))


@pytest.mark.parametrize("rounding", [np.float32, np.float16])
def test_frequencies_are_those_of_config_json(llama, rounding):
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    theirs = LlamaRotaryEmbedding(LlamaConfig.from_pretrained(llama.source)).inv_freq.numpy()
    theirs = theirs.astype(rounding).astype(np.float32)
    assert is_as_computed(llama.architecture, FREQUENCIES, theirs)
    assert not is_as_computed(llama.architecture, FREQUENCIES, theirs / 8)  # closer positions
    assert not is_as_computed(llama.architecture, FREQUENCIES, theirs[:1])
