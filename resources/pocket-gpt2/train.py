"""Train pocket-gpt2: a 12-block GPT-2 on children's stories, on a CPU. Seeded, resumable.

    python train.py WORK

WORK is a folder for the tokenizer, the checkpoint and the curve. The stories are corpus.txt.bz2,
one a line; settings stand in train.json. Stop it at any time (SIGTERM, SIGINT) and start it again
with the same command: it goes on from WORK/checkpoint.safetensors, which export.py turns into the
model.
"""

import bz2
import hashlib
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"  # id 0; before, between and after stories
HERE = Path(__file__).parent


def split(corpus: Path, share: float) -> tuple[list[str], list[str]]:
    """Training and held-out stories, both in the order of their sha256; by text, not by place."""
    stories = set(bz2.decompress(corpus.read_bytes()).decode().splitlines())
    digest = {s: hashlib.sha256(s.encode()).hexdigest() for s in stories}
    ordered = sorted(stories, key=digest.get)
    # The last 8 hex digits decide, so that the order, led by the first ones, is independent of it.
    held = {s for s in ordered if int(digest[s][-8:], 16) < share * 2**32}
    return [s for s in ordered if s not in held], [s for s in ordered if s in held]


def make_tokenizer(stories: list[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE as in GPT-2: every UTF-8 string is representable, nothing is normalised."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        stories,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[END],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer


def init(s: dict) -> dict[str, torch.Tensor]:
    """Parameters; those of the blocks stacked as (block, in, out), which is Conv1D's layout."""
    g = torch.Generator().manual_seed(s["seed"])
    n, d = s["blocks"], s["width"]

    def normal(*shape: int, std: float) -> torch.Tensor:
        return torch.randn(*shape, generator=g) * std

    p = {
        "wte": normal(s["vocab_size"], d, std=0.02),
        "wpe": normal(s["context"], d, std=0.02),
        "ln_f.weight": torch.ones(d),
        "ln_f.bias": torch.zeros(d),
    }
    shapes = {"attn.c_attn": (d, 3 * d), "attn.c_proj": (d, d),
              "mlp.c_fc": (d, 4 * d), "mlp.c_proj": (4 * d, d)}  # fmt: skip
    for name, (i, o) in shapes.items():
        # Residual branches start at zero, so that every block starts as the identity.
        p[f"{name}.weight"] = normal(n, i, o, std=0.0 if "proj" in name else 0.5 / math.sqrt(i))
        p[f"{name}.bias"] = torch.zeros(n, o)
    for name in ("ln_1", "ln_2"):
        p[f"{name}.weight"], p[f"{name}.bias"] = torch.ones(n, d), torch.zeros(n, d)
    return {k: v.requires_grad_() for k, v in p.items()}


def forward(p: dict[str, torch.Tensor], x: torch.Tensor, heads: int) -> torch.Tensor:
    """Logits (B, T, vocabulary) of tokens x (B, T): the arithmetic of GPT2LMHeadModel."""
    b, t = x.shape
    d = p["wte"].shape[1]
    h = F.embedding(x, p["wte"]) + p["wpe"][:t]
    names = [k for k in p if k not in ("wte", "wpe", "ln_f.weight", "ln_f.bias")]
    for layer in zip(*(p[k].unbind(0) for k in names), strict=True):
        w = dict(zip(names, layer, strict=True))
        a = F.layer_norm(h, (d,), w["ln_1.weight"], w["ln_1.bias"])
        a = a.view(b * t, d) @ w["attn.c_attn.weight"] + w["attn.c_attn.bias"]
        q, k, v = a.view(b, t, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        a = a.transpose(1, 2).reshape(b * t, d)
        h = h + (a @ w["attn.c_proj.weight"] + w["attn.c_proj.bias"]).view(b, t, d)
        a = F.layer_norm(h, (d,), w["ln_2.weight"], w["ln_2.bias"]).view(b * t, d)
        a = F.gelu(a @ w["mlp.c_fc.weight"] + w["mlp.c_fc.bias"], approximate="tanh")
        h = h + (a @ w["mlp.c_proj.weight"] + w["mlp.c_proj.bias"]).view(b, t, d)
    return F.layer_norm(h, (d,), p["ln_f.weight"], p["ln_f.bias"]) @ p["wte"].T


def loss_of(p: dict[str, torch.Tensor], rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Mean nats per token of rows (B, T + 1); a target of -100 does not count."""
    logits = forward(p, rows[:, :-1].clamp(min=0), heads)
    return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def orthogonalise(g: torch.Tensor) -> torch.Tensor:
    """Nearest semi-orthogonal matrices to g (N, in, out): Newton-Schulz of Muon (Jordan 2024)."""
    wide = g.shape[1] <= g.shape[2]
    x = g if wide else g.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x if wide else x.mT


def is_matrix(value: torch.Tensor) -> bool:
    return value.dim() == 3


@torch.no_grad()
def update(p: dict, state: dict, s: dict, step: int, scale: float) -> None:
    """One step of Muon for the blocks' matrices, of AdamW for all else. Step counts from 1."""
    for name, w in p.items():
        if is_matrix(w):
            m = state[f"{name}:m"]
            m.lerp_(w.grad, 1 - s["muon_momentum"])
            g = w.grad.lerp(m, s["muon_momentum"])  # Nesterov
            if name == "attn.c_attn.weight":  # Q, K and V are three matrices
                o = orthogonalise(torch.cat(g.chunk(3, dim=2)))
                o = torch.cat(o.chunk(3), dim=2)
            else:
                o = orthogonalise(g) * max(1, w.shape[2] / w.shape[1]) ** 0.5
            lr = s["muon_lr"] * scale
            w.mul_(1 - lr * s["weight_decay"]).add_(o, alpha=-lr)
        else:
            m, v = state[f"{name}:m"], state[f"{name}:v"]
            m.lerp_(w.grad, 0.1)
            v.lerp_(w.grad.square(), 0.05)
            lr = s["adam_lr"] * scale / (1 - 0.9**step)
            w.addcdiv_(m, (v / (1 - 0.95**step)).sqrt().add_(1e-10), value=-lr)
        w.grad = None


def learning_rate(step: int, s: dict) -> float:
    """Trapezoid: short warm-up, long constant, linear decay to zero (over s['decay_steps'])."""
    return min(1.0, step / s["warmup_steps"], max(0.0, (s["steps"] - step + 1) / s["decay_steps"]))


class Rows:
    """Batches of rows: every epoch joins the stories in a new order and cuts that, no repeats."""

    def __init__(self, stories: list[np.ndarray], s: dict):
        self.stories, self.seed, self.t, self.size = stories, s["seed"], s["context"], s["batch"]
        self.per_epoch = (sum(map(len, stories)) - self.t - 1) // self.t // self.size
        self.epoch = None

    def batch(self, step: int) -> torch.Tensor:
        """Rows (B, T + 1) of a step, which alone decides them."""
        epoch, i = divmod(step - 1, self.per_epoch)
        if epoch != self.epoch:
            rng = np.random.default_rng([self.seed, epoch])
            order = rng.permutation(len(self.stories))
            self.stream = np.concatenate([self.stories[j] for j in order])[rng.integers(self.t) :]
            self.order = rng.permutation(self.per_epoch * self.size)
            self.epoch = epoch
        rows = self.order[i * self.size : (i + 1) * self.size] * self.t
        return torch.from_numpy(np.stack([self.stream[r : r + self.t + 1] for r in rows])).long()


def main(corpus: Path, work: Path, s: dict, stop: list) -> None:
    """Train as settings s say, until they are fulfilled or something is in the list stop."""
    torch.set_num_threads(s["threads"])
    work.mkdir(parents=True, exist_ok=True)
    train, held = split(corpus, s["held_out"])
    if not (work / "tokenizer.json").exists():
        make_tokenizer(train, s["vocab_size"]).save(str(work / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    data = Rows([np.array([0] + e.ids, np.int16) for e in tokenizer.encode_batch(train)], s)
    # Each held-out story has a row of its own, cut at the context; unused places do not count.
    rows = torch.full((len(held), s["context"] + 1), -100)
    for row, e in zip(rows, tokenizer.encode_batch(held), strict=True):
        line = torch.tensor([0] + e.ids + [0])[: len(row)]
        row[: len(line)] = line

    p = init(s)
    state = {f"{k}:m": torch.zeros_like(v) for k, v in p.items()}
    state |= {f"{k}:v": torch.zeros_like(v) for k, v in p.items() if not is_matrix(v)}
    step, seconds, checkpoint = 0, 0.0, work / "checkpoint.safetensors"
    if checkpoint.exists():
        with safe_open(checkpoint, "pt") as f:
            step, seconds = int(f.metadata()["step"]), float(f.metadata()["seconds"])
        with torch.no_grad():
            for k, v in load_file(checkpoint).items():
                (p | state)[k].copy_(v)
    curve = work / "curve.tsv"
    header = "step\ttokens\tseconds\ttrain_nll\theld_out_nll"
    lines = curve.read_text().splitlines() if curve.exists() else [header]
    lines = [lines[0]] + [ln for ln in lines[1:] if int(ln.split("\t")[0]) <= step]

    def save() -> None:
        meta = {"step": str(step), "seconds": str(seconds + time.time() - start)}
        save_file({k: v.detach() for k, v in (p | state).items()}, work / "new", meta)
        os.replace(work / "new", checkpoint)
        curve.write_text("\n".join(lines) + "\n")

    compiled = torch.compile(loss_of) if s["compile"] else loss_of
    start, first, losses = time.time(), step, []
    while step < s["steps"] and not stop:
        step += 1
        loss = compiled(p, data.batch(step), s["heads"])
        loss.backward()
        update(p, state, s, step, learning_rate(step, s))
        losses.append(loss.item())
        if step % 25 == 0:
            rate = (step - first) * s["batch"] * s["context"] / (time.time() - start)
            mean = np.mean(losses[-25:])
            print(f"step {step} nats per token {mean:.4f} tokens/s {rate:.0f}", flush=True)
        if step % s["evaluate_every"] == 0 or step == s["steps"]:
            with torch.no_grad():
                parts = rows.split(s["batch"])
                n = torch.tensor([(r[:, 1:] >= 0).sum() for r in parts])
                nll = torch.stack([loss_of(p, r, s["heads"]) for r in parts]) @ (n / n.sum())
            tokens, spent = step * s["batch"] * s["context"], seconds + time.time() - start
            mean = np.mean(losses[-s["evaluate_every"] :])
            lines.append(f"{step}\t{tokens}\t{spent:.0f}\t{mean:.4f}\t{nll:.4f}")
            print(lines[-1], flush=True)
        if step % s["save_every"] == 0:
            save()
    save()


if __name__ == "__main__":
    signals = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *caught: signals.append(caught))
    settings = json.loads((HERE / "train.json").read_text())
    main(HERE / "corpus.txt.bz2", Path(sys.argv[1]), settings, signals)
