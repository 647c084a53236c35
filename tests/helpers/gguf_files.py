"""GGUF files, as llama.cpp would write a small Llama."""

import numpy as np
from needq.common.files import read_json
from safetensors.numpy import load_file

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.layers": "blk",
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}


def permuted(weight, heads):
    """llama.cpp's order of the rows of W_Q and W_K: pairs of rotary dimensions side by side."""
    width = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, width, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(file, source, add=lambda writer: None, kind="llama", change=lambda name, t: t):
    """The Llama of a folder as llama.cpp would write it, in float32.

    `add` writes further metadata and tensors. `change` changes a tensor; None leaves it out.
    """
    from gguf import GGUFWriter, TokenType

    sizes = read_json(source / "config.json")
    writer = GGUFWriter(file, kind)
    writer.add_block_count(sizes["num_hidden_layers"])
    writer.add_context_length(sizes["max_position_embeddings"])
    writer.add_embedding_length(sizes["hidden_size"])
    writer.add_feed_forward_length(sizes["intermediate_size"])
    writer.add_head_count(sizes["num_attention_heads"])
    writer.add_head_count_kv(sizes["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(sizes["rms_norm_eps"])
    writer.add_rope_freq_base(sizes["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(257)
    vocabulary = read_json(source / "tokenizer.json")["model"]["vocab"]
    words = [*sorted(vocabulary, key=vocabulary.get), "<|endoftext|>"]
    words[254:256] = ["qx", "zx"]  # a GGUF has merges; two bytes give their places to them
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([TokenType.NORMAL] * 256 + [TokenType.CONTROL])
    writer.add_token_merges(["q x", "z x"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(256)
    add(writer)
    for name, tensor in load_file(source / "model.safetensors").items():
        tensor = change(name, tensor)
        if tensor is None:
            continue
        if "q_proj" in name or "k_proj" in name:
            heads = sizes["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
            tensor = permuted(tensor, heads)
        for own, theirs in NAMES.items():
            name = name.replace(own, theirs)
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
