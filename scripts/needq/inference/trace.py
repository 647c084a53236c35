"""Traces: what one side of the ledger generates and computes under each of its backends."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from needq.common.rows import ProcessRecord, TextRow, Tokens, TraceRow
from needq.common.settings import Backend, Generation
from needq.inference.generate import generate_all
from needq.inference.score import reference_logits
from needq.inference.session import Session


class BackendTrace(NamedTuple):
    """What a process computes under one of its backends."""

    texts: list[TraceRow]
    logits: dict[str, np.ndarray]  # by the backend's number and keys.logits_key
    record: ProcessRecord


def trace_backends(
    work: Session,
    backends: Sequence[Backend],
    tokens: Tokens,
    settings: Generation,
    reference: Sequence[TextRow],
    positions: Sequence[int],
) -> Iterator[BackendTrace]:
    """The texts, and the logits of the reference's texts, under one backend after the other.

    `work` is a session under the first of the backends; `reference` are rows of schemas.TEXTS.
    """
    for number, backend in enumerate(backends):
        # the model is freed before the next one is loaded
        yield _trace(
            work.under(backend) if number else work, number, tokens, settings, reference, positions
        )


def _trace(
    work: Session,
    number: int,
    tokens: Tokens,
    settings: Generation,
    reference: Sequence[TextRow],
    positions: Sequence[int],
) -> BackendTrace:
    """The texts and logits under the backend of a session, which has this number."""
    patched, backend = (work.model, work.patcher, work.patches), work.backend
    texts = generate_all(*patched, tokens, settings, backend)
    logits = reference_logits(*patched, reference, tokens["prompts"], positions, backend.batch)
    return BackendTrace(
        [{**text, "backend_number": number} for text in texts],
        {f"{number} {key}": values for key, values in logits.items()},
        work.record(),
    )
