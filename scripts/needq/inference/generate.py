"""Generation: prompts and sample seeds in batches, each row with its own random stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from needq.common.logs import progress
from needq.inference.backend import Model, batches, require_finite
from needq.inference.patcher import Patcher, Recipe
from needq.inference.sampling import SAMPLERS, Row
from needq.plan.interventions import Intervention


@dataclass
class Continuation:
    """New tokens of one row; `margins` (nats) say how far each was from being another."""

    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    ended: bool = False


def rows(tokens: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Row]:
    """Every prompt with every sample seed; `tokens` is the backup's tokens.json."""
    return [
        Row(tokens["prompts"][index], prompt, seed, index)
        for index, prompt in enumerate(settings["prompts"])
        for seed in settings["sample_seeds"]
    ]


def generate_all(
    model: Model,
    patcher: Patcher,
    work: Sequence[tuple[Intervention, Recipe]],
    tokens: Mapping[str, Any],
    settings: Mapping[str, Any],
    backend: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The texts of each intervention with its recipe, as rows of schemas.TEXTS without `text`."""
    texts = rows(tokens, settings)
    found = []
    for member, recipe in progress(work, "generate"):
        with patcher.applied(recipe):
            continuations = generate(model, texts, settings, tokens["end"], backend)
        for text, one in zip(texts, continuations, strict=True):
            row = {"prompt": text.index, "sample_seed": text.sample_seed, "tokens": one.tokens}
            row |= {"margins": one.margins, "ended": one.ended}
            found.append(member.keys() | row)
    return found


def generate(
    model: Model,
    rows: Sequence[Row],
    settings: Mapping[str, Any],
    end: int | None,
    backend: Mapping[str, Any],
) -> list[Continuation]:
    """Continue each row as the config's `generation` (`settings`) and the backend say.

    `end` is the id that ends a text, kept as its last token; None for none.
    """
    found: list[Continuation] = []
    for part in batches(rows, backend["batch"]):
        found += _generate_batch(model, part, settings, end, backend)
    return found


@torch.inference_mode()
def _generate_batch(
    model: Model,
    rows: Sequence[Row],
    settings: Mapping[str, Any],
    end: int | None,
    backend: Mapping[str, Any],
) -> list[Continuation]:
    device = model.device
    # left padding, so that every row's next token is at the same place
    width = max(len(row.ids) for row in rows)
    padding = [width - len(row.ids) for row in rows]
    ids = torch.tensor([[0] * n + list(row.ids) for n, row in zip(padding, rows, strict=True)])
    ids = ids.to(device)
    mask = torch.arange(width, device=device) >= torch.tensor(padding, device=device)[:, None]
    sampler = SAMPLERS[backend["rng"]](device, rows, settings)
    found = [Continuation() for _ in rows]
    fresh, fresh_mask, cache = ids, mask, None
    for step in range(settings["max_new_tokens"]):
        logits, cache = model.logits(fresh, cache, fresh_mask, last=True)
        logits = require_finite(logits[:, -1])
        chosen = sampler.choose(ids, logits, step, [row.ended for row in found])
        for row, (token, margin) in zip(found, chosen, strict=True):
            if not row.ended:
                row.tokens.append(token)
                row.margins.append(margin)
                row.ended = token == end
        if all(row.ended for row in found):
            break
        fresh = torch.tensor([[token] for token, _ in chosen], device=device)
        fresh_mask = torch.ones_like(fresh, dtype=torch.bool)
        ids, mask = torch.cat([ids, fresh], 1), torch.cat([mask, fresh_mask], 1)
        if not backend["cache"]:  # all tokens again, from nothing
            fresh, fresh_mask, cache = ids, mask, None
    return found
