"""Generation: prompts and sample seeds in batches, each row with its own random stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from needq.common.logs import progress
from needq.common.rows import TextRow, Tokens
from needq.common.settings import Backend, Generation
from needq.corrupt.patches import Patch
from needq.inference.backend import Model, batches, require_finite
from needq.inference.patcher import Patcher
from needq.inference.sampling import Row, make_sampler


@dataclass
class Continuation:
    """The new tokens of one row; `margins` (nats) say how far each was from being another."""

    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    ended: bool = False


def prompt_rows(tokens: Tokens, settings: Generation) -> list[Row]:
    """Every prompt with every sample seed."""
    return [
        Row(tokens["prompts"][index], prompt, seed, index)
        for index, prompt in enumerate(settings.prompts)
        for seed in settings.sample_seeds
    ]


def pristine_texts(
    model: Model, tokens: Tokens, settings: Generation, backend: Backend, texts_per_prompt: int
) -> list[tuple[Sequence[int], Sequence[int]]]:
    """The prompt and new ids of texts of the pristine model, from which reference texts are made.

    Their random streams are their own: none of these texts is one of the run's.
    """
    rows = [
        Row(ids, f"control {index}", seed, index)  # this text keys the stream
        for seed in range(texts_per_prompt)
        for index, ids in enumerate(tokens["prompts"])
    ]
    own = settings.changed(seeding="own")  # plain seeds would be those of the run's texts
    texts = generate(model, rows, own, tokens["end"], backend)
    return [(row.ids, text.tokens) for row, text in zip(rows, texts, strict=True)]


def generate_all(
    model: Model,
    patcher: Patcher,
    patches: Sequence[Patch],
    tokens: Tokens,
    settings: Generation,
    backend: Backend,
    stream_device: torch.device | None = None,
) -> list[TextRow]:
    """The texts under each patch, as rows of schemas.TEXTS without `backend` and `text`.

    `stream_device` is as in `generate`.
    """
    rows = prompt_rows(tokens, settings)
    texts: list[TextRow] = []
    for patch in progress(patches, "generate"):
        with patcher.applied(patch.slices):
            continuations = generate(model, rows, settings, tokens["end"], backend, stream_device)
        for row, continuation in zip(rows, continuations, strict=True):
            texts.append(
                {
                    **patch.keys(),
                    "prompt": row.index,
                    "sample_seed": row.sample_seed,
                    "tokens": continuation.tokens,
                    "margins": continuation.margins,
                    "ended": continuation.ended,
                }
            )
    return texts


def generate(
    model: Model,
    rows: Sequence[Row],
    settings: Generation,
    end: int | None,
    backend: Backend,
    stream_device: torch.device | None = None,
) -> list[Continuation]:
    """Continue each row as the config's `generation` (`settings`) and the backend say.

    `end` is the id that ends a text, kept as its last token; None for none. `stream_device` is the
    device whose random stream `rng: native` is; without it, the model's own.
    """
    continuations: list[Continuation] = []
    for batch in batches(rows, backend.batch):
        continuations += _generate_batch(
            model, batch, settings, end, backend, stream_device or model.device
        )
    return continuations


@torch.inference_mode()
def _generate_batch(
    model: Model,
    rows: Sequence[Row],
    settings: Generation,
    end: int | None,
    backend: Backend,
    stream_device: torch.device,
) -> list[Continuation]:
    device = model.device
    # left padding, so that every row's next token is at the same place
    width = max(len(row.ids) for row in rows)
    padding = [width - len(row.ids) for row in rows]
    ids = torch.tensor([[0] * n + list(row.ids) for n, row in zip(padding, rows, strict=True)])
    ids = ids.to(device)
    mask = torch.arange(width, device=device) >= torch.tensor(padding, device=device)[:, None]
    sampler = make_sampler(backend, stream_device, rows, settings)
    continuations = [Continuation() for _ in rows]
    fresh, fresh_mask, cache = ids, mask, None
    for step in range(settings.max_new_tokens):
        logits, cache = model.logits(fresh, cache, fresh_mask, last=True)
        logits = require_finite(logits[:, -1])
        chosen = sampler.choose(ids, logits, step, [text.ended for text in continuations])
        for text, (token, margin) in zip(continuations, chosen, strict=True):
            if not text.ended:
                text.tokens.append(token)
                text.margins.append(margin)
                text.ended = token == end
        if all(text.ended for text in continuations):
            break
        fresh = torch.tensor([[token] for token, _ in chosen], device=device)
        fresh_mask = torch.ones_like(fresh, dtype=torch.bool)
        ids, mask = torch.cat([ids, fresh], 1), torch.cat([mask, fresh_mask], 1)
        if not backend.cache:  # all tokens again, from nothing
            fresh, fresh_mask, cache = ids, mask, None
    return continuations
