"""Generation: one batch of prompts and sample seeds, each row with its own random stream."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.generation import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from needq.backend import batches
from needq.files import canonical_json, sha256


@dataclass
class Continuation:
    """New tokens of one row; `margins` (nats) say how far each was from being another.

    A margin is the log ratio of the two best values of the race that chose the token; at
    temperature 0, the difference of the two best logits.
    """

    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    ended: bool = False


def native_stream(device: str, sample_seed: int, prompt: str) -> torch.Generator:
    """A device's own random stream for one (sample seed, prompt), whatever else is generated."""
    content = canonical_json(["stream", sample_seed, prompt]).encode()
    seed = int(sha256(content)[:16], 16) >> 1  # 63 bits
    return torch.Generator(device).manual_seed(seed)


def warpers(settings: Mapping[str, Any]) -> LogitsProcessorList:
    """transformers' own processors, in the order in which its `generate` applies them."""
    found = LogitsProcessorList()
    if settings["temperature"] not in (0, 1):
        found.append(TemperatureLogitsWarper(settings["temperature"]))
    if settings["top_k"]:
        found.append(TopKLogitsWarper(settings["top_k"]))
    if settings["top_p"] < 1:
        found.append(TopPLogitsWarper(settings["top_p"]))
    return found


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    streams: Sequence[torch.Generator],
    settings: Mapping[str, Any],
    end: int | None,
    batch: int,
    cache: bool,
) -> list[Continuation]:
    """Continue each prompt (token ids) with its own stream, at most `batch` rows at a time.

    `settings` is the config's `generation`; `end` the id that ends a text, kept as its last token.
    """
    rows = list(zip(prompts, streams, strict=True))
    found: list[Continuation] = []
    for part in batches(rows, batch):
        found += _generate_batch(model, part, settings, end, cache)
    return found


@torch.inference_mode()
def _generate_batch(
    model: PreTrainedModel,
    rows: Sequence[tuple[Sequence[int], torch.Generator]],
    settings: Mapping[str, Any],
    end: int | None,
    cache: bool,
) -> list[Continuation]:
    device = model.device
    width = max(len(prompt) for prompt, _ in rows)
    # left padding, so that every row's next token is at the same place
    ids = torch.tensor([[0] * (width - len(p)) + list(p) for p, _ in rows], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p, _ in rows], device=device)
    processors = warpers(settings)
    greedy = settings["temperature"] == 0
    past = DynamicCache(config=model.config) if cache else None
    found = [Continuation() for _ in rows]
    for _ in range(settings["max_new_tokens"]):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        fresh = 1 if past is not None and past.get_seq_length() else ids.shape[1]
        logits = model(
            input_ids=ids[:, -fresh:],
            attention_mask=mask,
            position_ids=positions[:, -fresh:],
            past_key_values=past,
            use_cache=cache,
            logits_to_keep=1,
        ).logits[:, -1]
        # float32 as in transformers' generate, so that every precision draws the same stream
        logits = logits.to(torch.float32)
        logits = logits if greedy else processors(ids, logits)
        chosen = _choose_greedily(logits) if greedy else _race(logits, rows, found)
        for row, (token, margin) in zip(found, chosen, strict=True):
            if not row.ended:
                row.tokens.append(token)
                row.margins.append(margin)
                row.ended = token == end
        if all(row.ended for row in found):
            break
        ids = torch.cat([ids, torch.tensor([[t] for t, _ in chosen], device=device)], dim=1)
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
    return found


def _choose_greedily(logits: torch.Tensor) -> list[tuple[int, float]]:
    """The likeliest token of each row (the first of equals) and its lead over the next."""
    tokens = logits.argmax(-1)
    best = logits.topk(2).values.double()
    return list(zip(tokens.tolist(), (best[:, 0] - best[:, 1]).tolist(), strict=True))


def _race(
    logits: torch.Tensor,
    rows: Sequence[tuple[Sequence[int], torch.Generator]],
    found: Sequence[Continuation],
) -> list[tuple[int, float]]:
    """Draw each row's token as torch.multinomial does, argmax(p / Exp(1)), and keep the margin."""
    chosen = []
    probabilities = logits.softmax(-1)
    for probability, (_, stream), row in zip(probabilities, rows, found, strict=True):
        if row.ended:
            chosen.append((0, math.nan))
            continue
        race = probability / torch.empty_like(probability).exponential_(generator=stream)
        best = race.topk(2).values.double().log()
        chosen.append((int(race.argmax()), float(best[0] - best[1])))
    return chosen
