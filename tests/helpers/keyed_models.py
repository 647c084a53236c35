"""Small models whose weights are keyed noise, so that their digests are the same everywhere.

Run as a program, it prints the digest of each model's logits of two texts on the device named.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import torch
from needq.backup.architectures import find_architecture
from needq.backup.families import FAMILIES
from needq.backup.model_config import checked
from needq.corrupt.keyed import key, raw, standard_normal
from needq.exact.arithmetic import digest
from needq.exact.load import load_exact

VOCABULARY, WIDTH, HIDDEN, BLOCKS = 97, 48, 80, 3
GPT2_SIZES = {"n_head": 4, "n_layer": BLOCKS, "n_positions": 64, "n_embd": WIDTH, "n_inner": HIDDEN}
SIZES = {
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "hidden_size": WIDTH,
    "intermediate_size": HIDDEN,
    "num_hidden_layers": BLOCKS,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0}
YARN["original_max_position_embeddings"] = 16
# each architecture's settings; between them, they switch on all that exact models have
CONFIGS = {
    "gpt2": ("GPT2LMHeadModel", GPT2_SIZES),
    "llama": ("LlamaForCausalLM", SIZES),
    "scaled gpt2": (
        "GPT2LMHeadModel",
        GPT2_SIZES
        | {"activation_function": "relu", "scale_attn_weights": False}
        | {"scale_attn_by_inverse_layer_idx": True},
    ),
    "smollm3": (
        "SmolLM3ForCausalLM",
        SIZES
        | {"attention_bias": True, "mlp_bias": True, "rope_parameters": LLAMA3}
        | {"no_rope_layers": [1, 0, 1], "use_sliding_window": True, "sliding_window": 5},
    ),
    "qwen3": (
        "Qwen3ForCausalLM",
        SIZES
        | {"head_dim": 10, "use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1}
        | {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}},
    ),
    "granite": (
        "GraniteForCausalLM",
        SIZES
        | {"embedding_multiplier": 1.5, "residual_multiplier": 0.7, "attention_multiplier": 0.3}
        | {"logits_scaling": 1.3, "hidden_act": "quick_gelu", "rope_parameters": YARN},
    ),
    "olmo2": ("Olmo2ForCausalLM", SIZES),
    "gemma2": (
        "Gemma2ForCausalLM",
        SIZES | {"sliding_window": 5, "query_pre_attn_scalar": 3, "attn_logit_softcapping": 2.0},
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        SIZES | {"sliding_window": 5, "sliding_window_pattern": 2, "rope_theta": 1e5},
    ),
    "phi": ("PhiForCausalLM", SIZES | {"qk_layernorm": True, "tie_word_embeddings": False}),
    "stablelm": (
        "StableLmForCausalLM",
        SIZES | {"qk_layernorm": True, "use_parallel_residual": True, "partial_rotary_factor": 0.5},
    ),
    "neox": ("GPTNeoXForCausalLM", SIZES | {"tie_word_embeddings": True, "rotary_pct": 0.5}),
    "opt": ("OPTForCausalLM", SIZES | {"ffn_dim": HIDDEN, "word_embed_proj_dim": 20}),
    "phi3": ("Phi3ForCausalLM", SIZES | {"partial_rotary_factor": 0.5, "sliding_window": 5}),
}


def config(name):
    """The checked config.json of a model."""
    architecture, own = CONFIGS[name]
    kind = FAMILIES[architecture].model_type
    own = {"architectures": [architecture], "model_type": kind, "vocab_size": VOCABULARY} | own
    return checked(own)


def tensor(name, *shape):
    """Keyed noise as float32; matrices small enough, vectors around 1."""
    values = torch.from_numpy(standard_normal(key("test", name), shape))
    return (values * 0.3 if len(shape) == 2 else values * 0.1 + 1).float()


def tensors(name):
    """Every tensor of a model; its head is the embedding."""
    # GPT-2's names have a prefix in files, by which its noise was never keyed
    return {
        own: tensor(own.removeprefix("transformer."), *shape)
        for own, shape in find_architecture(config(name)).shapes().items()
    }


def model(name, device="cpu"):
    """An exact model."""
    return load_exact(config(name), tensors(name), device)


def models(device="cpu"):
    """Each exact model."""
    return {name: model(name, device) for name in CONFIGS}


def ids(rows=8, tokens=60):
    """Token ids [rows, tokens]."""
    return torch.from_numpy(
        (raw(key("test", "ids"), rows * tokens) % VOCABULARY).astype("int64").reshape(rows, tokens)
    )


if __name__ == "__main__":
    for name, made in models(sys.argv[1]).items():
        print(name, digest(made.logits(ids(2))[0]), sep="\t")
