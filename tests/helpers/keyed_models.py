"""Small models whose weights are keyed noise, so that their digests are the same everywhere.

Run as a program, it prints the digest of each model's logits on the device named.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import torch
from needq.corrupt.keyed import key, raw, standard_normal
from needq.exact.arithmetic import digest
from needq.exact.gpt2 import ExactGPT2
from needq.exact.llama import ExactLlama

VOCABULARY, WIDTH, HIDDEN, BLOCKS = 97, 48, 80, 3
GPT2_CONFIG = {"n_head": 4, "n_layer": BLOCKS, "n_positions": 64, "layer_norm_epsilon": 1e-5}
LLAMA_CONFIG = {
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "hidden_size": WIDTH,
    "num_hidden_layers": BLOCKS,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
}


def tensor(name, *shape):
    """Keyed noise as float32; matrices small enough, vectors around 1."""
    values = torch.from_numpy(standard_normal(key("test", name), shape))
    return (values * 0.3 if len(shape) == 2 else values * 0.1 + 1).float()


def gpt2_tensors():
    shapes = {"wte.weight": (VOCABULARY, WIDTH), "wpe.weight": (64, WIDTH)}
    layers = {"attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH)}
    layers |= {"mlp.c_fc": (WIDTH, HIDDEN), "mlp.c_proj": (HIDDEN, WIDTH)}
    layers |= {"ln_1": (WIDTH,), "ln_2": (WIDTH,)}
    for block in range(BLOCKS):
        for name, shape in layers.items():
            shapes[f"h.{block}.{name}.weight"] = shape
            shapes[f"h.{block}.{name}.bias"] = shape[-1:]
    shapes |= {"ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}
    return {f"transformer.{name}": tensor(name, *shape) for name, shape in shapes.items()}


def llama_tensors():
    shapes = {"model.embed_tokens.weight": (VOCABULARY, WIDTH), "model.norm.weight": (WIDTH,)}
    layers = {"self_attn.q_proj": (WIDTH, WIDTH), "self_attn.k_proj": (WIDTH // 3, WIDTH)}
    layers |= {"self_attn.v_proj": (WIDTH // 3, WIDTH), "self_attn.o_proj": (WIDTH, WIDTH)}
    layers |= {"mlp.gate_proj": (HIDDEN, WIDTH), "mlp.up_proj": (HIDDEN, WIDTH)}
    layers |= {"mlp.down_proj": (WIDTH, HIDDEN)}
    layers |= {"input_layernorm": (WIDTH,), "post_attention_layernorm": (WIDTH,)}
    for block in range(BLOCKS):
        for name, shape in layers.items():
            shapes[f"model.layers.{block}.{name}.weight"] = shape
    return {name: tensor(name, *shape) for name, shape in shapes.items()}


def models(device="cpu"):
    return {
        "gpt2": ExactGPT2.from_tensors(GPT2_CONFIG, gpt2_tensors(), device),
        "llama": ExactLlama.from_tensors(LLAMA_CONFIG, llama_tensors(), device),
    }


def ids(rows=8, tokens=60):
    return torch.from_numpy(
        (raw(key("test", "ids"), rows * tokens) % VOCABULARY).astype("int64").reshape(rows, tokens)
    )


if __name__ == "__main__":
    for name, model in models(sys.argv[1]).items():
        print(name, digest(model.logits(ids())[0]))
