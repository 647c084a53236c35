"""Bits per byte of held-out stories: pocket-gpt2 beside gzip, xz, a 5-gram model and the teacher.

    python evaluate.py [TEACHER]

TEACHER is the folder that teacher.py wrote; without it, that row is left out. Two texts: `stories`,
which is the first 29 stories of ../texts/stories.txt, and `held out`, all stories held out of the
training. Every story counts its bytes and one for its end: what the end mark costs a model, a line
feed costs gzip.
The stories are scored one by one, except by the compressors, which get them in one file.
"""

import json
import lzma
import math
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from kneser_ney import KneserNey
from teacher import BOS, TeacherTokenizer
from texts import STORIES
from train import HERE, split
from transformers import AutoModelForCausalLM, AutoTokenizer

FIRST = 29  # stories, which are 4,000 words


def read_stories() -> list[str]:
    """The documents of ../texts/stories.txt."""
    return STORIES.read_text(encoding="utf-8").removesuffix("\n").split("\n\n")


def size(stories: list[str]) -> int:
    return sum(len(story.encode()) + 1 for story in stories)


@torch.inference_mode()
def model_bits(model: torch.nn.Module, sequences: list[list[int]]) -> float:
    """Total bits of sequences, the first token of each excepted, in fp32.

    What is longer than the context is read in windows; each begins half a context before the
    tokens that it scores.
    """
    context, nats = model.config.max_position_embeddings, 0.0
    for ids in sequences:
        end = 1
        while end < len(ids):
            start = 0 if end == 1 else end - context // 2
            x = torch.tensor([ids[start : start + context + 1]])
            logits = model(x[:, :-1]).logits[0].double()
            nll = torch.nn.functional.cross_entropy(logits, x[0, 1:], reduction="none")
            nats += nll[end - start - 1 :].sum().item()
            end = start + x.shape[1]
    return nats / math.log(2)


def pocket_bits(stories: list[str], folder: Path = HERE) -> float:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model_bits(model, [[0] + tokenizer.encode(story) + [0] for story in stories])


def teacher_bits(stories: list[str], folder: Path) -> float:
    tokenizer = TeacherTokenizer(folder / "tokenizer.bin")
    model = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32).eval()
    return model_bits(model, [[BOS] + tokenizer.encode(story) + [BOS] for story in stories])


def five_gram(training: list[str]) -> KneserNey:
    """The 5-gram model of the training stories, over the tokens of pocket-gpt2."""
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    ids = tokenizer(training)["input_ids"]
    return KneserNey([np.array([0] + i + [0]) for i in ids], 5, tokenizer.vocab_size)


def five_gram_bits(stories: list[str], model: KneserNey) -> float:
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    sequences = [np.array([0] + tokenizer.encode(story) + [0]) for story in stories]
    return sum(map(model.nats, sequences)) / math.log(2)


def gzip_bytes(text: bytes, dictionary: bytes = b"") -> int:
    """Length after gzip -9 (DEFLATE); of a dictionary it sees the last 32 kB."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31) if not dictionary else zlib.compressobj(
        9, zlib.DEFLATED, 15, zdict=dictionary[-32768:])  # fmt: skip
    return len(z.compress(text) + z.flush())


def xz_bytes(text: bytes, before: bytes = b"") -> int:
    """Length that text adds to xz -6 of what came before."""
    return len(lzma.compress(before + text)) - (len(lzma.compress(before)) if before else 0)


def main(teacher: Path | None) -> None:
    settings = json.loads((HERE / "train.json").read_text())
    training, held_out = split(HERE / "corpus.txt.bz2", settings["held_out"])
    texts = {"stories": read_stories()[:FIRST], "held out": held_out}
    joined = {k: "".join(s + "\n" for s in v).encode() for k, v in texts.items()}
    before = "".join(s + "\n" for s in training).encode()
    grams = five_gram(training)
    rows = {
        "gzip -9, alone": lambda k: 8 * gzip_bytes(joined[k]),
        "gzip -9, the last 32 kB of the training text as dictionary": lambda k: (
            8 * gzip_bytes(joined[k], before)
        ),
        "xz -6, alone": lambda k: 8 * xz_bytes(joined[k]),
        "xz -6, after the training text": lambda k: 8 * xz_bytes(joined[k], before),
        "5-gram, modified Kneser-Ney": lambda k: five_gram_bits(texts[k], grams),
        "**pocket-gpt2**": lambda k: pocket_bits(texts[k]),
    }
    if teacher:
        rows["stories15M, the teacher"] = lambda k: teacher_bits(texts[k], teacher)
    print("| model |" + "".join(f" {k}, {size(v):,} bytes |" for k, v in texts.items()))
    print("|---|" + "---:|" * len(texts))
    for name, bits in rows.items():
        cells = "".join(f" {bits(k) / size(v):.3f} |" for k, v in texts.items())
        print(f"| {name} |{cells}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
