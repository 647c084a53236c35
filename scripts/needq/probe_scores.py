"""Probes scored: which items a model gets right."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch

from needq.backend import Model, batches
from needq.exact.layers import log_softmax
from needq.interventions import Intervention
from needq.job import progress
from needq.patch import Patcher, Recipe
from needq.probes import Candidate, Probe, Score, right
from needq.score import forced_logits, nll


def score_probes(
    model: Model,
    patcher: Patcher,
    work: Sequence[tuple[Intervention, Recipe]],
    probes: Mapping[str, Probe],
    batch: int,
) -> list[dict[str, Any]]:
    """The answers to each probe under each intervention with its recipe: rows of tables.PROBES."""
    found = []
    for member, recipe in progress(work, "answer probes"):
        with patcher.applied(recipe):
            for name, probe in probes.items():
                answers = zip(probe.kinds, score_probe(model, probe, batch), strict=True)
                for item, (kind, answer) in enumerate(answers):
                    row = {"probe": name, "item": item, "kind": kind, "right": answer}
                    found.append(member.keys() | row)
    return found


@torch.inference_mode()
def score_probe(model: Model, probe: Probe, batch: int) -> list[float]:
    """For each item of a probe, 1 if the model gets it right and 0 if not; ties share."""
    predicted: dict[int, set[Candidate]] = {}
    for candidate in chain.from_iterable(probe.candidates):
        predicted.setdefault(candidate.row, set()).add(candidate)
    scores: dict[Candidate, Score] = {}
    by_length = sorted(predicted, key=lambda row: len(probe.rows[row]))
    for part in batches(by_length, batch):
        for row, logits in zip(
            part, forced_logits(model, [probe.rows[row] for row in part]), strict=True
        ):
            for candidate in predicted[row]:
                values = log_softmax(logits[candidate.start - 1 :].double())
                scores[candidate] = Score(
                    -math.fsum(nll(values, candidate.tokens).tolist()),
                    values.argmax(-1).tolist() == list(candidate.tokens),
                )
    return [right([scores[one] for one in candidates]) for candidates in probe.candidates]
