"""How the next token of each row is chosen: the most probable one, or one drawn by a race.

All samplers draw as torch.multinomial does, by an exponential race: argmax(p / Exp(1)). They
differ in where the exponentials come from. A margin (nats) says how far a token was from being
another: the log ratio of the two best values of the race, or, at temperature 0, the difference of
the two best logits.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from needq.common.backends import Backend
from needq.common.files import canonical_json, sha256
from needq.common.settings import Generation
from needq.corrupt.keyed import draw_key
from needq.inference.cuda_stream import CudaStreams
from needq.inference.draws import draw_tokens

if TYPE_CHECKING:
    from transformers.generation import LogitsProcessorList


KEPT_BYTES = 1 << 26  # of random numbers that are kept for batches with the same rows


class Choices(NamedTuple):
    """The next token of each row of a batch, its margin, and its distances from edges.

    `exits` and `entries` are those of `needq.inference.edges`; None if the draws are not keyed.
    """

    tokens: Tensor  # int64 [rows]
    margins: Tensor  # float64 [rows]
    exits: Tensor | None = None  # float64 [rows]
    entries: Tensor | None = None  # float64 [rows]


class Row(NamedTuple):
    """One text to generate: a prompt as ids and as text, and which text of it."""

    ids: Sequence[int]
    prompt: str
    sample_seed: int
    index: int  # type: ignore[assignment]  # of the prompt in the config; hides tuple.index


class Sampler(Protocol):
    """Chooses the next token of each row of a batch.

    A batch may have the same rows several times, one after the other: under several interventions.
    Each time they draw the same random numbers. So do batches that come one after the other.
    """

    def choose(self, ids: Tensor, logits: Tensor, step: int) -> Choices:
        """One choice per row, from logits [rows, vocabulary].

        ids: [rows, tokens so far]. step: how many tokens were chosen before this one; 0 begins a
        batch, and the random streams anew.
        """


class NativeSampler:
    """Each row draws from a torch stream of its own, as transformers' generate would."""

    def __init__(self, device: torch.device, rows: Sequence[Row], settings: Generation):
        self.device, self.seeds = device, text_seeds(rows, settings)
        self.streams: list[torch.Generator] = []
        self.steps = settings.max_new_tokens
        self.kept: list[Tensor] = []  # the exponentials of the first steps
        self.processors = warpers(settings)
        self.greedy = settings.temperature == 0

    def choose(self, ids: Tensor, logits: Tensor, step: int) -> Choices:
        # float32 as in transformers' generate, so that every precision draws the same stream
        logits = logits.to(torch.float32)
        if self.greedy:
            return most_probable(logits)
        probabilities = self.processors(ids, logits).softmax(-1)  # type: ignore[arg-type]
        drawn = self._exponentials(step, logits.shape[1])
        return finished(probabilities, drawn.to(probabilities.device))

    def _exponentials(self, step: int, vocabulary: int) -> Tensor:
        """Those of a step [rows, vocabulary]; drawn once, if those of all steps are few enough."""
        if step < len(self.kept):
            return self.kept[step]
        if step == 0:
            self.streams = [torch.Generator(self.device).manual_seed(seed) for seed in self.seeds]
        drawn = torch.empty((len(self.streams), vocabulary), device=self.device)
        for row, stream in zip(drawn, self.streams, strict=True):
            row.exponential_(generator=stream)
        if self.steps * drawn.nbytes <= KEPT_BYTES:
            self.kept.append(drawn)
        return drawn


class CudaSampler:
    """Each row draws from a stream of its own, as it would on a GPU, but computed on the CPU."""

    def __init__(self, backend: Backend, rows: Sequence[Row], settings: Generation):
        self.gpu, self.seeds = backend.gpu, text_seeds(rows, settings)
        self.streams: CudaStreams  # a batch begins them
        # where few tokens can win, each time that a row comes has numbers of its own candidates
        self.few = settings.top_k > 0 or settings.top_p < 1
        self.processors = warpers(settings)
        self.greedy = settings.temperature == 0

    def choose(self, ids: Tensor, logits: Tensor, step: int) -> Choices:
        logits = logits.to("cpu", torch.float32)
        if self.greedy:
            return most_probable(logits)
        if step == 0:
            times = len(logits) // len(self.seeds) if self.few else 1
            self.streams = CudaStreams(self.seeds * times, self.gpu)
        probabilities = self.processors(ids, logits).softmax(-1)  # type: ignore[arg-type]
        # tokens without a probability cannot win: their numbers are not computed
        candidates, tokens = max(2, int((probabilities > 0).sum(-1).max())), None
        if candidates < logits.shape[1]:
            tokens = probabilities.topk(candidates).indices.sort(-1).values
            probabilities = probabilities.gather(-1, tokens)
        elements = None if tokens is None else tokens.numpy()
        drawn = self.streams.exponential(logits.shape[1], elements=elements)
        chosen = finished(probabilities, torch.from_numpy(drawn))
        if tokens is None:
            return chosen
        return chosen._replace(tokens=tokens.gather(-1, chosen.tokens[:, None])[:, 0])


class KeyedSampler:
    """Each draw is keyed by sample seed, prompt and position: the same on every machine."""

    def __init__(self, rows: Sequence[Row], settings: Generation):
        self.rows = rows
        self.limits = (settings.temperature, settings.top_k, settings.top_p)

    def choose(self, ids: Tensor, logits: Tensor, step: int) -> Choices:
        keys = [draw_key(row.sample_seed, row.prompt, step) for row in self.rows]
        draws = draw_tokens(logits, keys, *self.limits)
        values = (draws.tokens, draws.margins, *draws.edges)
        return Choices(*(torch.from_numpy(value) for value in values))


def make_sampler(
    backend: Backend, device: torch.device, rows: Sequence[Row], settings: Generation
) -> Sampler:
    """The sampler of a backend, which says where the random numbers come from.

    `device` is the one that has the random stream, if that is native.
    """
    if backend.rng == "keyed":
        return KeyedSampler(rows, settings)
    if backend.rng == "cuda":
        return CudaSampler(backend, rows, settings)
    return NativeSampler(device, rows, settings)


def finished(probabilities: Tensor, exponentials: Tensor) -> Choices:
    """Who wins each race. The rows of `exponentials` [rows, tokens] come again in their order."""
    race = probabilities.unflatten(0, (-1, len(exponentials))) / exponentials
    race = race.flatten(0, 1)
    best = race.topk(2).values.double().log()
    return Choices(race.argmax(-1), best[:, 0] - best[:, 1])


def most_probable(logits: Tensor) -> Choices:
    """The token with the largest logit of each row, and its lead over the second."""
    best = logits.topk(2).values.double()
    return Choices(logits.argmax(-1), best[:, 0] - best[:, 1])


def text_seeds(rows: Sequence[Row], settings: Generation) -> list[int]:
    """The seed of each text's random stream: it depends on no other text that is generated."""
    if settings.seeding == "plain":
        return [row.sample_seed for row in rows]
    return [stream_seed("stream", row.sample_seed, row.prompt) for row in rows]


def seeded_stream(device: torch.device | str, *meaning: str | int) -> torch.Generator:
    """A device's own random stream, seeded by what it is for."""
    return torch.Generator(device).manual_seed(stream_seed(*meaning))


def stream_seed(*meaning: str | int) -> int:
    """The seed of a stream, by what it is for: 63 bits of a sha256."""
    return int(sha256(canonical_json(meaning).encode())[:16], 16) >> 1


def warpers(settings: Generation) -> "LogitsProcessorList":
    """transformers' own processors, in the order in which its `generate` applies them."""
    # transformers takes seconds to import, and keyed draws never need it
    from transformers.generation import (
        LogitsProcessorList,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    processors = LogitsProcessorList()
    if settings.temperature not in (0, 1):
        processors.append(TemperatureLogitsWarper(settings.temperature))
    if settings.top_k:
        processors.append(TopKLogitsWarper(settings.top_k))
    if settings.top_p < 1:
        processors.append(TopPLogitsWarper(settings.top_p))
    return processors


def as_array(logits: Tensor) -> np.ndarray:
    """Logits as numpy on the CPU; 16-bit formats as float32, which holds them exactly."""
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    return np.ascontiguousarray(logits.cpu().numpy())
