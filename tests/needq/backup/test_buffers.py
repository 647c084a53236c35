"""Buffers are left out only if they hold what the model computes."""

import numpy as np
import pytest
from needq.backup.architectures import find_architecture
from needq.backup.buffers import is_as_computed, is_buffer
from smallest_configs import smallest

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


def test_the_masks_of_gpt_neo_are_those_of_its_blocks():
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    config = smallest("GPTNeoForCausalLM") | {"num_layers": 2, "window_size": 8}
    config["attention_types"] = [[["global", "local"], 1]]
    theirs = GPTNeoForCausalLM(GPTNeoConfig(**config)).transformer.h
    own = find_architecture(config)
    for block, other in ((0, 1), (1, 0)):
        name = f"transformer.h.{block}.attn.attention.bias"
        assert is_buffer(own, name)
        assert is_as_computed(own, name, theirs[block].attn.attention.bias.float().numpy())
        assert not is_as_computed(own, name, theirs[other].attn.attention.bias.float().numpy())


def test_the_frequencies_of_gpt_neox_are_those_of_a_part_of_a_head():
    from transformers import GPTNeoXConfig
    from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding

    config = smallest("GPTNeoXForCausalLM") | {"rotary_pct": 0.25, "rotary_emb_base": 5000}
    theirs = GPTNeoXRotaryEmbedding(GPTNeoXConfig(**config)).inv_freq.numpy()
    own, name = find_architecture(config), "gpt_neox.layers.0.attention.rotary_emb.inv_freq"
    assert is_buffer(own, name)
    assert is_as_computed(own, name, theirs)
    assert not is_as_computed(own, name, theirs * 2)
    # what the files of Pythia hold besides
    for name in ("attention.bias", "attention.masked_bias"):
        assert is_buffer(own, f"gpt_neox.layers.3.{name}")
        assert not is_buffer(own, f"gpt_neox.layers.4.{name}")


@pytest.mark.parametrize("name", ["OPTForCausalLM", "BloomForCausalLM", "FalconForCausalLM"])
def test_families_that_left_no_buffers_in_files_have_none(name):
    own = find_architecture(smallest(name))
    for part in ("attn.bias", "self_attention.bias", "self_attn.rotary_emb.inv_freq"):
        assert not is_buffer(own, f"{own.blocks}0.{part}")
