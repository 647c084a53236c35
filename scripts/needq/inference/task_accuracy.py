"""Answers to tasks: which items a model gets right, and by how much."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import torch

from needq.backup.tasks import Answer, Candidate, Score, Task
from needq.common.logs import progress
from needq.common.rows import AnswerRow
from needq.corrupt.patches import Patch
from needq.inference.backend import Model, batches
from needq.inference.likelihood import predicted, token_scores
from needq.inference.padding import filled
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import hidden_under_each
from needq.inference.stack import PRISTINE


def answer_task(model: Model, task: Task, batch: int) -> list[Answer]:
    """The answer of a model to each item of a task."""
    return answers(model, Patcher(model, Path(), {}), [PRISTINE], task, batch)[0]


@torch.inference_mode()
def answers(
    model: Model, patcher: Patcher, patches: Sequence[Patch], task: Task, batch: int
) -> list[list[Answer]]:
    """For each patch, what `answer_task` gives for the model under it."""
    asked: dict[int, list[Candidate]] = {}
    for candidate in dict.fromkeys(chain.from_iterable(task.candidates)):
        asked.setdefault(candidate.row, []).append(candidate)
    scores: list[dict[Candidate, Score]] = [{} for _ in patches]
    by_length = sorted(asked, key=lambda row: len(task.rows[row]))
    for part in progress(batches(by_length, batch), "answer a task, batch"):
        ids, mask = filled([task.rows[row] for row in part])
        own = [candidate for row in part for candidate in asked[row]]
        places = {row: number for number, row in enumerate(part)}
        wanted = predicted([(places[c.row], c.start, c.tokens) for c in own], ids.shape[1])
        for number, hidden in hidden_under_each(model, patcher, patches, ids, mask):
            nlls, leads = (
                part.split(wanted.counts) for part in token_scores(model, hidden, wanted)
            )
            for candidate, nll, lead in zip(own, nlls, leads, strict=True):
                score = Score(-math.fsum(nll.tolist()), float(lead.min()))
                scores[number][candidate] = score
    return [
        [Answer.of([own[candidate] for candidate in candidates]) for candidates in task.candidates]
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
        for patch, own in zip(patches, answered, strict=True):
            for item, kind, answer in zip(task.numbers, task.kinds, own, strict=True):
                row = {"task": name, "item": item, "kind": kind, **answer._asdict()}
                rows.append(cast("AnswerRow", {**patch.keys(), **row}))
    return rows
