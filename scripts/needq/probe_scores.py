"""Probes scored: which items a model gets right."""

import math
from itertools import chain

import torch

from needq.backend import Model, batches
from needq.exact.layers import log_softmax
from needq.probes import Candidate, Probe, Score, right
from needq.score import forced_logits, nll


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
