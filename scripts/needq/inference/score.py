"""Scores: what a corrupted model predicts, given the true past (teacher forcing)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from needq.common.files import sha256
from needq.common.keys import logits_key
from needq.common.logs import progress
from needq.exact.arithmetic import exact_sum
from needq.exact.elementary import exp_bounded
from needq.exact.layers import log_softmax
from needq.inference.backend import Model, batches, require_finite
from needq.inference.patcher import Patcher, Recipe
from needq.inference.prefix_tree import logits_under_each
from needq.inference.sampling import as_array
from needq.plan.interventions import Intervention

Row = tuple[Sequence[int], Sequence[int]]  # prompt ids, new ids


def padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of ids as one tensor [rows, longest], and which of its entries are real."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([list(row) + [0] * (width - len(row)) for row in rows])
    return ids, torch.arange(width) < torch.tensor([[len(row)] for row in rows])


def cut(rows: Sequence[Sequence[int]], logits: torch.Tensor) -> Iterator[torch.Tensor]:
    """For each padded row, the logits [len(row) - 1, vocabulary] that predict row[1:]."""
    for row, values in zip(rows, logits, strict=True):
        yield require_finite(values[: len(row) - 1])


def forced_logits(model: Model, rows: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
    """For each row of ids, the logits [len(row) - 1, vocabulary] that predict row[1:]."""
    ids, mask = padded(rows)
    yield from cut(rows, model.logits(ids, mask=mask)[0])


def mean(values: torch.Tensor) -> float:
    """The mean, from a correctly rounded sum."""
    return math.fsum(values.tolist()) / len(values)


def nll(log_probabilities: torch.Tensor, targets: Sequence[int]) -> torch.Tensor:
    """Negative log-likelihood (nats) of each target under its row of log probabilities."""
    index = torch.tensor(targets, device=log_probabilities.device)[:, None]
    return -log_probabilities.gather(1, index)[:, 0]


@torch.inference_mode()
def score_documents(
    model: Model,
    patcher: Patcher,
    recipes: Sequence[Recipe],
    documents: Sequence[Sequence[int]],
    sizes: Sequence[int],
    batch: int,
) -> list[list[dict[str, Any]]]:
    """For each recipe, a row of scores per document.

    Means per token over a document, in nats: `nll`, and `kl` from the pristine model to the
    corrupted one; `top1_agreement` is the share of tokens where both rank the same token first;
    `logits_sha256` the digest of all its logits. `sizes` counts the bytes scored. What follows
    the logits is exact arithmetic for every backend, so scores depend on the logits alone.
    """
    found: list[list[dict[str, Any]]] = [[] for _ in recipes]
    indexed = list(zip(range(len(documents)), documents, sizes, strict=True))
    for part in progress(batches(indexed, batch), "score documents, batch"):
        rows = [row for _, row, _ in part]
        pristine = []
        for logits in forced_logits(model, rows):
            before = log_softmax(logits.double())
            pristine.append((before, exp_bounded(before), before.argmax(-1)))
        for number, of_part in logits_under_each(model, patcher, recipes, *padded(rows)):
            for (index, row, size), (before, probabilities, first), logits in zip(
                part, pristine, cut(rows, of_part), strict=True
            ):
                after = log_softmax(logits.double())
                kl = exact_sum((before - after).mul_(probabilities))[:, 0]
                found[number].append(
                    {
                        "document": index,
                        "tokens": len(row) - 1,
                        "bytes": size,
                        "nll": mean(nll(after, row[1:])),
                        "kl": mean(kl),
                        "top1_agreement": mean((first == after.argmax(-1)).double()),
                        "logits_sha256": sha256(as_array(logits).data),
                    }
                )
    return found


@torch.inference_mode()
def document_digests(
    model: Model,
    patcher: Patcher,
    recipes: Sequence[Recipe],
    documents: Sequence[Sequence[int]],
    batch: int,
) -> list[list[str]]:
    """For each recipe, the `logits_sha256` of each document, as `score_documents` gives it."""
    found: list[list[str]] = [[] for _ in recipes]
    for part in progress(batches(documents, batch), "digests of logits, batch"):
        for number, of_part in logits_under_each(model, patcher, recipes, *padded(part)):
            found[number] += [sha256(as_array(logits).data) for logits in cut(part, of_part)]
    return found


def score_texts(model: Model, rows: Sequence[Row], batch: int) -> list[dict[str, Any]]:
    """For each text, how many new `tokens` it has, their `nlls` (nats) and the mean, `text_nll`.

    Every text has at least one new token, if only the one that ended it.
    """
    return [
        {"tokens": len(values), "text_nll": mean(values), "nlls": values.tolist()}
        for values in token_nlls(model, rows, batch)
    ]


@torch.inference_mode()
def token_nlls(model: Model, rows: Sequence[Row], batch: int) -> Iterator[torch.Tensor]:
    """The nll (nats, float64) of each new token of each text."""
    for part in batches(rows, batch):
        logits = forced_logits(model, [[*prompt, *new] for prompt, new in part])
        for (prompt, new), values in zip(part, logits, strict=True):
            yield nll(log_softmax(values[len(prompt) - 1 :].double()), new)


@torch.inference_mode()
def logits_at(
    model: Model,
    rows: Sequence[Row],
    positions: Sequence[int],
    batch: int,
) -> np.ndarray:
    """The logits [row, position, vocabulary] that predict the new tokens at `positions`.

    nan where a text is shorter than the position.
    """
    found = []
    for part in batches(rows, batch):
        logits = forced_logits(model, [[*prompt, *new] for prompt, new in part])
        for (prompt, new), values in zip(part, logits, strict=True):
            array = as_array(values)
            kept = np.full((len(positions), array.shape[1]), np.nan, array.dtype)
            for place, position in enumerate(positions):
                if position < len(new):
                    kept[place] = array[len(prompt) - 1 + position]
            found.append(kept)
    return np.stack(found)


def reference_logits(
    model: Model,
    patcher: Patcher,
    work: Sequence[tuple[Intervention, Recipe]],
    texts: Sequence[Mapping[str, Any]],
    prompts: Sequence[Sequence[int]],
    positions: Sequence[int],
    batch: int,
) -> dict[str, np.ndarray]:
    """`logits_at` on the reference backend's texts (first sample seed), by `logits_key`."""
    first_seed = texts[0]["sample_seed"]
    rows = by_intervention([t for t in texts if t["sample_seed"] == first_seed], prompts)
    found = {}
    for member, recipe in progress(work, "logits of the reference's tokens"):
        key = (member.id, member.noise_seed)
        with patcher.applied(recipe):
            found[logits_key(*key)] = logits_at(model, rows[key], positions, batch)
    return found


def by_intervention(
    texts: Sequence[Mapping[str, Any]], prompts: Sequence[Sequence[int]]
) -> dict[tuple[str, int | None], list[Row]]:
    """(prompt ids, new ids) of each text, in order, by (intervention, noise seed)."""
    found: dict[tuple[str, int | None], list[Row]] = {}
    for text in texts:
        key = (text["intervention"], text["noise_seed"])
        found.setdefault(key, []).append((prompts[text["prompt"]], text["tokens"]))
    return found
