"""Generation: prompts and sample seeds in batches, each row with its own random stream."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from needq.common.backends import Backend
from needq.common.logs import progress
from needq.common.rows import TextRow, Tokens
from needq.common.settings import Generation
from needq.corrupt.patches import Patch
from needq.inference.backend import Model, batches, require_finite
from needq.inference.patcher import Patcher
from needq.inference.sampling import Row, Sampler, make_sampler
from needq.inference.stack import Stack, stacks, unpatched


class Continuation(NamedTuple):
    """The new tokens of one row; the others (nats) say how far each was from being another.

    They are those of `sampling.Choices`.
    """

    tokens: list[int]
    margins: list[float]
    exits: list[float] | None
    entries: list[float] | None
    ended: bool


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
    length = max(len(row.ids) for row in rows) + settings.max_new_tokens
    samplers = _samplers(model, rows, settings, backend, stream_device)
    for together in stacks(model, patches, backend, len(rows), length):
        stack = Stack(model, patcher, together)
        made = _generate(stack, rows, samplers, settings, tokens["end"], backend)
        for patch, continuations in zip(together, made, strict=True):
            for row, continuation in zip(rows, continuations, strict=True):
                texts.append(
                    {
                        **patch.keys(),
                        "prompt": row.index,
                        "sample_seed": row.sample_seed,
                        "tokens": continuation.tokens,
                        "margins": continuation.margins,
                        "exits": continuation.exits,
                        "entries": continuation.entries,
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
    samplers = _samplers(model, rows, settings, backend, stream_device)
    [continuations] = _generate(unpatched(model), rows, samplers, settings, end, backend)
    return continuations


def _samplers(
    model: Model,
    rows: Sequence[Row],
    settings: Generation,
    backend: Backend,
    stream_device: torch.device | None,
) -> list[Sampler]:
    """The sampler of each batch of rows, which serves one stack after the other."""
    device = stream_device or model.device
    return [
        make_sampler(backend, device, batch, settings) for batch in batches(rows, backend.batch)
    ]


def _generate(
    stack: Stack,
    rows: Sequence[Row],
    samplers: Sequence[Sampler],
    settings: Generation,
    end: int | None,
    backend: Backend,
) -> list[list[Continuation]]:
    """What `generate` gives, under each patch of a stack; `samplers` are those of each batch."""
    texts: list[list[Continuation]] = [[] for _ in stack.patches]
    for batch, sampler in zip(batches(rows, backend.batch), samplers, strict=True):
        made = _generate_batch(stack, batch, sampler, settings.max_new_tokens, end, backend.cache)
        for number, own in enumerate(texts):
            own += made[number * len(batch) :][: len(batch)]
    return texts


@torch.inference_mode()
def _generate_batch(
    stack: Stack, rows: Sequence[Row], sampler: Sampler, most: int, end: int | None, cached: bool
) -> list[Continuation]:
    """The continuations of rows under one patch after the other, of `most` tokens at most."""
    device, times = stack.model.device, len(stack.patches)
    # left padding, so that every row's next token is at the same place
    width = max(len(row.ids) for row in rows)
    padding = [width - len(row.ids) for row in rows]
    prompts = torch.tensor([[0] * n + list(row.ids) for n, row in zip(padding, rows, strict=True)])
    real = torch.arange(width) >= torch.tensor(padding)[:, None]
    prompts, real = prompts.to(device), real.to(device)
    logits, cache = stack.start(prompts, real)
    # Tensors that every step writes to. New ones would stay between large ones that are freed, and
    # cut up the memory: exact texts of the default run took 3.5 GB in place of 2.2.
    rows_in_all = times * len(rows)
    ids = prompts.new_zeros((rows_in_all, width + most))
    mask = real.new_ones(ids.shape)
    ids[:, :width], mask[:, :width] = prompts.repeat(times, 1), real.repeat(times, 1)
    ended = torch.zeros(rows_in_all, dtype=torch.bool, device=device)
    leads, length = torch.empty(0), width
    with stack.applied(len(rows)):
        for step in progress(range(most), f"generate {rows_in_all} texts, token"):
            if step:
                start = length - 1
                if not cached:  # all tokens again, from nothing
                    start, cache = 0, None
                fresh, fresh_mask = ids[:, start:length], mask[:, start:length]
                logits, cache = stack.model.logits(fresh, cache, fresh_mask, last=True)
            chosen = sampler.choose(ids[:, :length], require_finite(logits[:, -1]), step)
            ids[:, length] = chosen.tokens.to(device)
            values = torch.stack([of_rows for of_rows in chosen[1:] if of_rows is not None])
            if not step:
                leads = values.new_empty((*values.shape, most))
            leads[..., step] = values
            length += 1
            if end is not None:
                ended |= ids[:, length - 1] == end
                if bool(ended.all()):
                    break
    new = ids[:, width:length].tolist()
    by_text = leads[..., : length - width].transpose(0, 1)
    return [_cut(*row, end) for row in zip(new, by_text.tolist(), strict=True)]


def _cut(tokens: list[int], leads: Sequence[list[float]], end: int | None) -> Continuation:
    """A continuation up to the token that ends it; `leads` are margins, and exits and entries."""
    length = tokens.index(end) + 1 if end in tokens else len(tokens)
    margins, *edges = (values[:length] for values in leads)
    exits, entries = edges or (None, None)
    return Continuation(tokens[:length], margins, exits, entries, end in tokens)
