"""Scores: what a corrupted model predicts, given the true past (teacher forcing)."""

import math
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch

from needq.common.files import sha256
from needq.common.keys import logits_key
from needq.common.logs import progress
from needq.common.rows import DocumentRow, DocumentScore, TextRow, TextScore, TextScoreRow
from needq.corrupt.patches import Patch
from needq.exact.arithmetic import exact_sum
from needq.exact.elementary import exp_bounded
from needq.exact.layers import log_softmax
from needq.inference.backend import Model, batches, require_finite
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import logits_under_each
from needq.inference.sampling import as_array

Text = tuple[Sequence[int], Sequence[int]]  # prompt ids, new ids


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
    patches: Sequence[Patch],
    documents: Sequence[Sequence[int]],
    n_bytes: Sequence[int],
    batch: int,
) -> list[list[DocumentScore]]:
    """For each patch, the scores of each document.

    Means per token over a document, in nats: `nll`, and `kl` from the pristine model to the
    corrupted one; `top1_agreement` is the share of tokens where both rank the same token first;
    `logits_sha256` is the digest of all its logits. `n_bytes` are the bytes that are scored. After
    the logits, all arithmetic is exact under every backend, so scores depend on the logits alone.
    """
    scores: list[list[DocumentScore]] = [[] for _ in patches]
    numbered = list(zip(range(len(documents)), documents, n_bytes, strict=True))
    for part in progress(batches(numbered, batch), "score documents, batch"):
        rows = [row for _, row, _ in part]
        pristine = []
        for logits in forced_logits(model, rows):
            before = log_softmax(logits.double())
            pristine.append((before, exp_bounded(before), before.argmax(-1)))
        for number, of_part in logits_under_each(model, patcher, patches, *padded(rows)):
            for (index, row, size), (before, probabilities, first), logits in zip(
                part, pristine, cut(rows, of_part), strict=True
            ):
                after = log_softmax(logits.double())
                kl = exact_sum((before - after).mul_(probabilities))[:, 0]
                scores[number].append(
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
    return scores


@torch.inference_mode()
def document_digests(
    model: Model,
    patcher: Patcher,
    patches: Sequence[Patch],
    documents: Sequence[Sequence[int]],
    batch: int,
) -> list[list[str]]:
    """For each patch, the `logits_sha256` of each document, as `score_documents` gives it."""
    digests: list[list[str]] = [[] for _ in patches]
    for part in progress(batches(documents, batch), "digests of logits, batch"):
        for number, of_part in logits_under_each(model, patcher, patches, *padded(part)):
            digests[number] += [sha256(as_array(logits).data) for logits in cut(part, of_part)]
    return digests


def document_rows(
    patches: Sequence[Patch], scores: Sequence[Sequence[DocumentScore]]
) -> list[DocumentRow]:
    """What `score_documents` gives, as rows of schemas.EVALUATION without `backend`."""
    return [
        {**patch.keys(), **score}
        for patch, of_patch in zip(patches, scores, strict=True)
        for score in of_patch
    ]


def text_rows(
    model: Model,
    patches: Sequence[Patch],
    texts: Sequence[TextRow],
    prompts: Sequence[Sequence[int]],
    batch: int,
) -> list[TextScoreRow]:
    """The scores of `texts`, as rows of schemas.TEXT_SCORES."""
    if not texts:
        return []
    grouped = by_intervention(texts, prompts)
    scores: list[TextScore] = []
    for patch in progress(patches, "score texts"):
        scores += score_texts(model, grouped[patch.intervention, patch.noise_seed], batch)
    rows = [{**text, **score} for text, score in zip(texts, scores, strict=True)]
    return cast("list[TextScoreRow]", rows)


def score_texts(model: Model, texts: Sequence[Text], batch: int) -> list[TextScore]:
    """For each text, how many new `tokens` it has, their `nlls` (nats) and the mean of these.

    Every text has at least one new token, if only the one that ended it.
    """
    return [
        {"tokens": len(values), "pristine_nll": mean(values), "nlls": values.tolist()}
        for values in token_nlls(model, texts, batch)
    ]


@torch.inference_mode()
def token_nlls(model: Model, texts: Sequence[Text], batch: int) -> Iterator[torch.Tensor]:
    """The nll (nats, float64) of each new token of each text."""
    for part in batches(texts, batch):
        logits = forced_logits(model, [[*prompt, *new] for prompt, new in part])
        for (prompt, new), values in zip(part, logits, strict=True):
            yield nll(log_softmax(values[len(prompt) - 1 :].double()), new)


@torch.inference_mode()
def logits_at(
    model: Model, texts: Sequence[Text], positions: Sequence[int], batch: int
) -> np.ndarray:
    """The logits [text, position, vocabulary] that predict the new tokens at `positions`.

    They are nan where a text has no token at the position.
    """
    arrays = []
    for part in batches(texts, batch):
        logits = forced_logits(model, [[*prompt, *new] for prompt, new in part])
        for (prompt, new), values in zip(part, logits, strict=True):
            array = as_array(values)
            kept = np.full((len(positions), array.shape[1]), np.nan, array.dtype)
            for place, position in enumerate(positions):
                if position < len(new):
                    kept[place] = array[len(prompt) - 1 + position]
            arrays.append(kept)
    return np.stack(arrays)


def reference_logits(
    model: Model,
    patcher: Patcher,
    patches: Sequence[Patch],
    texts: Sequence[TextRow],
    prompts: Sequence[Sequence[int]],
    positions: Sequence[int],
    batch: int,
) -> dict[str, np.ndarray]:
    """`logits_at` on the reference backend's texts (first sample seed), by `logits_key`.

    `texts` are rows of schemas.TEXTS.
    """
    first_seed = texts[0]["sample_seed"]
    first = by_intervention([t for t in texts if t["sample_seed"] == first_seed], prompts)
    logits = {}
    for patch in progress(patches, "logits of the reference's tokens"):
        key = (patch.intervention, patch.noise_seed)
        with patcher.applied(patch.slices):
            logits[logits_key(*key)] = logits_at(model, first[key], positions, batch)
    return logits


def by_intervention(
    texts: Sequence[TextRow], prompts: Sequence[Sequence[int]]
) -> dict[tuple[str, int | None], list[Text]]:
    """The prompt and new ids of each text, in order, by (intervention, noise seed)."""
    grouped: dict[tuple[str, int | None], list[Text]] = {}
    for text in texts:
        key = (text["intervention"], text["noise_seed"])
        grouped.setdefault(key, []).append((prompts[text["prompt"]], text["tokens"]))
    return grouped
