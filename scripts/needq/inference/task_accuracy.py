"""Accuracy on tasks: which items a model gets right."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from needq.backup.tasks import Candidate, Score, Task, credit
from needq.common.logs import progress
from needq.common.rows import AnswerRow
from needq.corrupt.patches import Patch
from needq.exact.layers import log_softmax
from needq.inference.backend import Model, batches
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import logits_under_each
from needq.inference.score import cut, nll, padded

PRISTINE = Patch("", "", None, 0, None, [])


def answer_task(model: Model, task: Task, batch: int) -> list[float]:
    """For each item of a task, 1 if the model gets it right, 0 if not, and a share for a tie."""
    return answers(model, Patcher(model, Path(), {}), [PRISTINE], task, batch)[0]


def _score(values: Tensor, candidate: Candidate) -> Score:
    """A candidate's score from the log probabilities [its tokens, vocabulary]."""
    first = values.argmax(-1).tolist() == list(candidate.tokens)
    return Score(-math.fsum(nll(values, candidate.tokens).tolist()), first)


@torch.inference_mode()
def answers(
    model: Model, patcher: Patcher, patches: Sequence[Patch], task: Task, batch: int
) -> list[list[float]]:
    """For each patch, what `answer_task` gives for the model under it."""
    predicted: dict[int, set[Candidate]] = {}
    for candidate in chain.from_iterable(task.candidates):
        predicted.setdefault(candidate.row, set()).add(candidate)
    scores: list[dict[Candidate, Score]] = [{} for _ in patches]
    by_length = sorted(predicted, key=lambda row: len(task.rows[row]))
    for part in progress(batches(by_length, batch), "answer a task, batch"):
        rows = [task.rows[row] for row in part]
        for number, of_part in logits_under_each(model, patcher, patches, *padded(rows)):
            starts = [min(candidate.start for candidate in predicted[row]) for row in part]
            needed = [
                logits[start - 1 :]
                for start, logits in zip(starts, cut(rows, of_part), strict=True)
            ]
            # all rows in one call: many small calls take longer
            together = log_softmax(torch.cat(needed).double())
            values = together.split([len(logits) for logits in needed])
            for row, start, of_row in zip(part, starts, values, strict=True):
                for candidate in predicted[row]:
                    scores[number][candidate] = _score(of_row[candidate.start - start :], candidate)
    return [
        [credit([own[candidate] for candidate in candidates]) for candidates in task.candidates]
        for own in scores
    ]


def answer_rows(
    model: Model,
    patcher: Patcher,
    patches: Sequence[Patch],
    tasks: Mapping[str, Task],
    batch: int,
) -> list[AnswerRow]:
    """The answers to every task under each patch, as rows of schemas.TASKS without `backend`."""
    rows: list[AnswerRow] = []
    for name, task in tasks.items():
        answered = answers(model, patcher, patches, task, batch)
        for patch, right in zip(patches, answered, strict=True):
            for item, (kind, answer) in enumerate(zip(task.kinds, right, strict=True)):
                row = {"task": name, "item": item, "kind": kind, "right": answer}
                rows.append(cast("AnswerRow", {**patch.keys(), **row}))
    return rows
