"""Scores: what a corrupted model predicts, given the true past (teacher forcing)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from needq.backend import batches
from needq.files import sha256
from needq.job import progress
from needq.patch import Patcher, Recipe
from needq.tables import logits_key

Row = tuple[Sequence[int], Sequence[int]]  # prompt ids, new ids


def forced_logits(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
    """For each row of ids, the logits [len(row) - 1, vocabulary] that predict row[1:]."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([list(row) + [0] * (width - len(row)) for row in rows], device=model.device)
    mask = torch.tensor(
        [[1] * len(row) + [0] * (width - len(row)) for row in rows], device=model.device
    )
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    for row, values in zip(rows, logits, strict=True):
        yield values[: len(row) - 1]


def nll(log_probabilities: torch.Tensor, targets: Sequence[int]) -> torch.Tensor:
    """Negative log-likelihood (nats) of each target under its row of log probabilities."""
    index = torch.tensor(targets, device=log_probabilities.device)[:, None]
    return -log_probabilities.gather(1, index)[:, 0]


@torch.inference_mode()
def score_documents(
    model: PreTrainedModel,
    patcher: Patcher,
    recipes: Sequence[Recipe],
    documents: Sequence[Sequence[int]],
    sizes: Sequence[int],
    batch: int,
) -> list[list[dict[str, Any]]]:
    """For each recipe, a row of scores per document.

    Means per token over a document, in nats: `nll`, and `kl` from the pristine model to the
    corrupted one; `top1_agreement` is the share of tokens where both rank the same token first;
    `logits_sha256` the digest of all its logits. `sizes` counts the bytes scored. Log
    probabilities are float64 in every backend, so the backend decides the logits alone.
    """
    found: list[list[dict[str, Any]]] = [[] for _ in recipes]
    indexed = list(zip(range(len(documents)), documents, sizes, strict=True))
    for part in progress(batches(indexed, batch), "score documents, batch"):
        rows = [row for _, row, _ in part]
        pristine = []
        for logits in forced_logits(model, rows):
            before = logits.double().log_softmax(-1)
            pristine.append((before, before.exp(), before.argmax(-1)))
        for scores, recipe in zip(found, recipes, strict=True):
            with patcher.applied(recipe):
                for (index, row, size), (before, probabilities, first), logits in zip(
                    part, pristine, forced_logits(model, rows), strict=True
                ):
                    after = logits.double().log_softmax(-1)
                    same = first == after.argmax(-1)
                    scores.append(
                        {
                            "document": index,
                            "tokens": len(row) - 1,
                            "bytes": size,
                            "nll": nll(after, row[1:]).mean().item(),
                            "kl": (probabilities * (before - after)).sum(-1).mean().item(),
                            "top1_agreement": same.double().mean().item(),
                            "logits_sha256": sha256(as_array(logits).data),
                        }
                    )
    return found


@torch.inference_mode()
def score_texts(model: PreTrainedModel, rows: Sequence[Row], batch: int) -> list[float]:
    """Mean nll (nats per token) of each text's new tokens.

    Every text has at least one new token, if only the one that ended it.
    """
    found = []
    for part in batches(rows, batch):
        logits = forced_logits(model, [[*prompt, *new] for prompt, new in part])
        for (prompt, new), values in zip(part, logits, strict=True):
            log_probabilities = values[len(prompt) - 1 :].double().log_softmax(-1)
            found.append(nll(log_probabilities, new).mean().item())
    return found


@torch.inference_mode()
def logits_at(
    model: PreTrainedModel,
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
    model: PreTrainedModel,
    patcher: Patcher,
    recipes: Sequence[Recipe],
    texts: Sequence[Mapping[str, Any]],
    prompts: Sequence[Sequence[int]],
    positions: Sequence[int],
    batch: int,
) -> dict[str, np.ndarray]:
    """`logits_at` on the reference backend's texts (first sample seed), by `logits_key`."""
    first_seed = texts[0]["sample_seed"]
    rows = by_intervention([t for t in texts if t["sample_seed"] == first_seed], prompts)
    found = {}
    for recipe in progress(recipes, "score the reference's tokens"):
        key = (recipe["intervention"], recipe["noise_seed"])
        with patcher.applied(recipe):
            found[logits_key(*key)] = logits_at(model, rows[key], positions, batch)
    return found


def as_array(logits: torch.Tensor) -> np.ndarray:
    """Logits as numpy on the CPU; 16-bit formats as float32, which holds them exactly."""
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    return np.ascontiguousarray(logits.cpu().numpy())


def by_intervention(
    texts: Sequence[Mapping[str, Any]], prompts: Sequence[Sequence[int]]
) -> dict[tuple[str, int | None], list[Row]]:
    """(prompt ids, new ids) of each text, in order, by (intervention, noise seed)."""
    found: dict[tuple[str, int | None], list[Row]] = {}
    for text in texts:
        key = (text["intervention"], text["noise_seed"])
        found.setdefault(key, []).append((prompts[text["prompt"]], text["tokens"]))
    return found
