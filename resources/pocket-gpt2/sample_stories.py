"""Sample children's stories from the teacher on a CPU, one a line; all rows are always busy.

    python sample_stories.py TEACHER SEED BATCH SECONDS

TEACHER is the folder that teacher.py wrote. Top-k 40, temperature 1. A row whose story ends begins
the next one; a story that the context cuts off is dropped.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from teacher import BOS, TeacherTokenizer

BLOCKS, HEADS, CONTEXT, TOP_K = 6, 6, 256, 40
ENDS = (BOS, 2)


def norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * weight


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


@torch.inference_mode()
def stories(folder: Path, seed: int, batch: int, seconds: float) -> Iterator[list[int]]:
    """Token ids of the stories that end within the given time."""
    weights = load_file(folder / "hf" / "model.safetensors")
    embedding = weights["model.embed_tokens.weight"]
    d = embedding.shape[1]
    angle = torch.arange(CONTEXT)[:, None] / 10000 ** (torch.arange(0, d // HEADS, 2) * HEADS / d)
    cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
    keys, values = torch.zeros(2, BLOCKS, batch, HEADS, CONTEXT, d // HEADS)
    row, column = torch.arange(batch), torch.arange(CONTEXT)
    place, token = torch.zeros(batch, dtype=torch.long), torch.full((batch,), BOS)
    written: list[list[int]] = [[] for _ in range(batch)]
    generator = torch.Generator().manual_seed(seed)
    end = time.time() + seconds
    while time.time() < end:
        x, length = embedding[token], int(place.max()) + 1
        seen = (column[:length] <= place[:, None])[:, None, None]
        c, s = cos[place][:, None], sin[place][:, None]
        for i in range(BLOCKS):
            w = {k: weights[f"model.layers.{i}.{k}.weight"] for k in (
                "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                "self_attn.o_proj", "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj",
                "mlp.down_proj")}  # fmt: skip
            a = norm(x, w["input_layernorm"])
            q, k, v = (
                (a @ w[f"self_attn.{m}_proj"].T).view(batch, HEADS, -1) for m in ("q", "k", "v")
            )
            keys[i][row, :, place], values[i][row, :, place] = rotate(k, c, s), v
            a = F.scaled_dot_product_attention(
                rotate(q, c, s)[:, :, None],
                keys[i][:, :, :length],
                values[i][:, :, :length],
                attn_mask=seen,
            )
            x = x + a.reshape(batch, d) @ w["self_attn.o_proj"].T
            a = norm(x, w["post_attention_layernorm"])
            gate = F.silu(a @ w["mlp.gate_proj"].T)
            x = x + (gate * (a @ w["mlp.up_proj"].T)) @ w["mlp.down_proj"].T
        logits = norm(x, weights["model.norm.weight"]) @ embedding.T
        best, ids = logits.topk(TOP_K, -1, sorted=False)
        choice = torch.multinomial(best.softmax(-1), 1, generator=generator)
        token = ids.gather(1, choice)[:, 0]
        place += 1
        for b, t in enumerate(token.tolist()):
            if t in ENDS:
                yield written[b]
            elif place[b] < CONTEXT - 1:
                written[b].append(t)
                continue
            written[b], token[b], place[b] = [], BOS, 0


if __name__ == "__main__":
    teacher = Path(sys.argv[1])
    tokenizer = TeacherTokenizer(teacher / "tokenizer.bin")
    for ids in stories(teacher, int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])):
        text = " ".join(tokenizer.decode(ids).split())
        if len(text) > 100:
            print(text, flush=True)
