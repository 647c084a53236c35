"""Probes scored: which items a model gets right."""

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from needq.backup.tasks import Candidate, Probe, Score, right
from needq.common.logs import progress
from needq.exact.layers import by_rows, log_softmax
from needq.inference.backend import Model, batches
from needq.inference.patcher import Patcher, Recipe
from needq.inference.prefix_tree import logits_under_each
from needq.inference.score import cut, nll, padded


def score_probe(model: Model, probe: Probe, batch: int) -> list[float]:
    """For each item of a probe, 1 if the model gets it right, 0 if not; ties share."""
    return answers(model, Patcher(model, Path(), {}), [{"slices": []}], probe, batch)[0]


def _score(values: Tensor, candidate: Candidate) -> Score:
    """A candidate's score from the log probabilities [its tokens, vocabulary]."""
    first = values.argmax(-1).tolist() == list(candidate.tokens)
    return Score(-math.fsum(nll(values, candidate.tokens).tolist()), first)


@torch.inference_mode()
def answers(
    model: Model, patcher: Patcher, recipes: Sequence[Recipe], probe: Probe, batch: int
) -> list[list[float]]:
    """For each recipe, what `score_probe` says of the model under it."""
    predicted: dict[int, set[Candidate]] = {}
    for candidate in chain.from_iterable(probe.candidates):
        predicted.setdefault(candidate.row, set()).add(candidate)
    scores: list[dict[Candidate, Score]] = [{} for _ in recipes]
    by_length = sorted(predicted, key=lambda row: len(probe.rows[row]))
    for part in progress(batches(by_length, batch), "answer a probe, batch"):
        rows = [probe.rows[row] for row in part]
        for number, of_part in logits_under_each(model, patcher, recipes, *padded(rows)):
            starts = [min(candidate.start for candidate in predicted[row]) for row in part]
            needed = [
                logits[start - 1 :]
                for start, logits in zip(starts, cut(rows, of_part), strict=True)
            ]
            # rows together: many small calls take longer
            values = by_rows(log_softmax, torch.cat(needed).double())
            values = values.split([len(one) for one in needed])
            for row, start, of_row in zip(part, starts, values, strict=True):
                for candidate in predicted[row]:
                    scores[number][candidate] = _score(of_row[candidate.start - start :], candidate)
    return [
        [right([own[one] for one in candidates]) for candidates in probe.candidates]
        for own in scores
    ]
