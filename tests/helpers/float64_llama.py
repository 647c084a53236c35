"""Llama in numpy's float64, written from its equations, with rotary frequencies from mpmath."""

import math

import numpy as np
from mpmath import mp, mpf

mp.dps = 40


def frequencies(size, theta, scaling):
    """theta^(-2i / size) (Su et al. 2021), slowed down as Llama 3.1 does: mpmath numbers."""
    plain = [mpf(theta) ** (-mpf(2 * i) / size) for i in range(size // 2)]
    return [slowed(f, **scaling) for f in plain] if scaling else plain


def slowed(f, factor, low_freq_factor, high_freq_factor, original_max_position_embeddings):
    """Waves longer than the first context are stretched, short ones kept, those between blended."""
    turns = original_max_position_embeddings * f / (2 * mp.pi)  # in the first context
    if turns < low_freq_factor:
        return f / factor
    if turns > high_freq_factor:
        return f
    share = (turns - low_freq_factor) / (mpf(high_freq_factor) - low_freq_factor)
    return (1 - share) * f / factor + share * f


def tables(positions, freqs):
    """cos and sin [positions, 2 * frequencies] of each angle, correctly rounded."""
    return tuple(
        np.array([[float(f(p * q)) for q in [*freqs, *freqs]] for p in positions])
        for f in (mp.cos, mp.sin)
    )


def rms_norm(x, weight, epsilon):
    """Zhang and Sennrich 2019."""
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def turned(x, cosine, sine):
    """Each head's dimension i is turned together with dimension i + size / 2."""
    half = x.shape[-1] // 2
    return x * cosine + np.concatenate([-x[..., half:], x[..., :half]], -1) * sine


def logits(config, tensors, ids, freqs):
    """The logits [tokens, vocabulary] of one row of ids."""
    weights = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    size = config["hidden_size"] // heads
    cosine, sine = tables(range(len(ids)), freqs)
    embedding = weights["model.embed_tokens.weight"]
    x = embedding[list(ids)]
    for block in range(config["num_hidden_layers"]):

        def w(name, block=block):
            return weights[f"model.layers.{block}.{name}.weight"]

        y = rms_norm(x, w("input_layernorm"), config["rms_norm_eps"])
        q, k, v = (y @ w(f"self_attn.{name}_proj").T for name in "qkv")
        outputs = []
        for head in range(heads):
            of_query = slice(head * size, (head + 1) * size)
            group = head // (heads // groups)
            of_key = slice(group * size, (group + 1) * size)
            query, key = turned(q[:, of_query], cosine, sine), turned(k[:, of_key], cosine, sine)
            scores = query @ key.T / math.sqrt(size)
            scores[np.triu_indices(len(ids), 1)] = -np.inf
            weight = np.exp(scores - scores.max(-1, keepdims=True))
            outputs.append(weight / weight.sum(-1, keepdims=True) @ v[:, of_key])
        x = x + np.concatenate(outputs, -1) @ w("self_attn.o_proj").T
        y = rms_norm(x, w("post_attention_layernorm"), config["rms_norm_eps"])
        gate = y @ w("mlp.gate_proj").T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ w("mlp.up_proj").T)) @ w("mlp.down_proj").T
    x = rms_norm(x, weights["model.norm.weight"], config["rms_norm_eps"])
    return x @ weights.get("lm_head.weight", embedding).T
