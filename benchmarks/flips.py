"""How many tokens rounding changes, and how many the law of docs/flip-test.md predicts.

A part of benchmarks/gpu.py. Texts are drawn in float64 by an exponential race; then each format
computes the logits of the same tokens and runs the same race. A token flips if another one wins.
"""

import math
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from needq.backup.encoder import Encoder
from needq.common.backends import Backend
from needq.inference.backend import load, prepare

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "resources/pocket-gpt2"
VOCABULARY = 4000
SEED = 42
TOP_K, NEW_TOKENS, PROMPT_TOKENS = 50, 32, 12  # prompts are cut to one length
FORMATS = ("float32", "tf32", "float16", "bfloat16")
SMOOTH = 0.02  # nats: margins up to about this are equally frequent
SLICE = 256  # rows whose logits of all tokens are held at once


def race(logits, exponential):
    """Log-probabilities less log-exponentials among the TOP_K likeliest tokens; -inf elsewhere."""
    logits = logits.double()
    lowest = logits.topk(TOP_K).values[..., -1:]
    scores = logits.log_softmax(-1) - exponential.double().log()
    return scores.masked_fill(logits < lowest, -math.inf)


def leads(logits, exponential, scores):
    """By how much (nats) each token won the race, is among the TOP_K, and keeps rivals out."""
    best = scores.topk(2)
    margin = best.values[..., 0] - best.values[..., 1]
    ordered = logits.topk(TOP_K + 1).values
    winner = logits.gather(-1, best.indices[..., :1])[..., 0]
    leaves = winner - ordered[..., -1]
    # outsiders that would win if they were among the TOP_K: how far the nearest is below them
    free = logits.log_softmax(-1) - exponential.double().log()
    outside = (scores == -math.inf) & (free > best.values[..., :1])
    nearest = logits.masked_fill(~outside, -math.inf).amax(-1)
    return best.indices[..., 0], torch.stack([margin, leaves, ordered[..., -2] - nearest])


def logit_error(reference, other):
    """The standard deviation of the difference of two tokens' errors, as `divergence.diff` has it:
    its square, and its weight, each summed over tokens.
    """
    weight = reference.softmax(-1)
    error = reference - other.double()
    centred = error - (weight * error).sum(-1, keepdim=True)
    different = (1 - (weight**2).sum(-1)).sum()
    return np.array([float(2 * (weight * centred**2).sum()), float(different)])


def chances(lead, errors):
    """The flips to expect under each format: by margins alone, and with the edge of the TOP_K."""
    found = {}
    for name, error in errors.items():
        # where margins are equally frequent, the chance grows with the error
        width = max(error, SMOOTH)
        flips = torch.special.ndtr(-lead / width)
        edge = 1 - (1 - flips).prod(0)
        found[name] = np.array([float(flips[0].sum()), float(edge.sum())]) * error / width
    return found


class FlipTest:
    """Tokens drawn in float64, and which of them other formats draw otherwise."""

    def __init__(self, device, rows, generator, formats):
        self.backends = {
            name: Backend(device=device, precision=name) for name in ("float64", *formats)
        }
        self.models = {name: load(POCKET, backend) for name, backend in self.backends.items()}
        prompts = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["generation"]
        encoder = Encoder(POCKET / "tokenizer.json", VOCABULARY)
        begin = encoder.token("<|endoftext|>", "begin")
        ids = [[begin, *encoder.ids(text, "a prompt")] for text in prompts["prompts"]]
        self.prompts = torch.tensor([ids[row % len(ids)][:PROMPT_TOKENS] for row in range(rows)])
        self.device, self.generator = device, generator

    def draw(self):
        """Texts [rows, tokens] in float64, and the exponential numbers of each token."""
        model, cache, ids, new, drawn = self.models["float64"], None, self.prompts, [], []
        for _ in range(NEW_TOKENS):
            logits, cache = model.logits(ids, cache, last=True)
            numbers = torch.empty(logits[:, -1].shape, device=self.device)
            drawn.append(numbers.exponential_(generator=self.generator))
            ids = race(logits[:, -1], drawn[-1]).argmax(-1, keepdim=True)
            new.append(ids)
        return torch.cat([self.prompts.to(self.device), *new], 1), torch.stack(drawn, 1)

    def batch(self, errors):
        """Tokens, leads' predictions, flips and errors (squares and weights) of one batch."""
        ids, drawn = self.draw()
        flips, squares, expected, tokens = {}, {}, {}, 0
        for part, numbers in zip(ids.split(SLICE), drawn.split(SLICE), strict=True):
            logits = self._forced("float64", part).double()
            winner, lead = leads(logits, numbers, race(logits, numbers))
            tokens += winner.numel()
            for name, value in chances(lead, errors).items():
                expected[name] = expected.get(name, 0) + value
            for name in self.models:
                if name != "float64":
                    other = self._forced(name, part)
                    differing = race(other, numbers).argmax(-1) != winner
                    flips[name] = flips.get(name, 0) + int(differing.sum())
                    squares[name] = squares.get(name, 0) + logit_error(logits, other)
        return tokens, expected, flips, squares

    def _forced(self, name, ids):
        """The logits that predict the new tokens, in one pass."""
        prepare(self.backends[name])  # tf32 is a switch of the process
        return self.models[name].logits(ids[:, :-1])[0][:, PROMPT_TOKENS - 1 :]


@torch.inference_mode()
def flips(device, options):
    """How many tokens each format draws otherwise than float64, and how many the law predicts.

    With options.errors (FORMAT=NATS) alone the prediction is made: nothing else is computed.
    """
    errors = {name: float(value) for name, value in (item.split("=") for item in options.errors)}
    formats = [name for name in FORMATS if name != "tf32" or device != "cpu"]
    generator = torch.Generator(device).manual_seed(SEED)
    test = FlipTest(device, options.rows, generator, [] if errors else formats)
    if not errors:  # measured on tokens that are not tested
        squares = test.batch({})[3]
        errors = {name: math.sqrt(square / weight) for name, (square, weight) in squares.items()}
    tokens, expected, seen, end = 0, {}, {}, time.monotonic() + options.flip_seconds
    while tokens < options.tokens and time.monotonic() < end:
        more, chance, differing, _ = test.batch(errors)
        tokens += more
        for name, value in chance.items():
            expected[name] = expected.get(name, 0) + value
        for name, value in differing.items():
            seen[name] = seen.get(name, 0) + value
    return {"tokens": tokens} | {
        name: {
            "logit_error": errors[name],
            "seen": seen.get(name),
            "predicted_by_margins": expected[name][0],
            "predicted_with_top_k": expected[name][1],
            "tokens_per_flip_predicted": tokens / expected[name][1],
        }
        for name in errors
    }
