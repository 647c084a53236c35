"""Traces: what one side of the ledger generates and computes at each of its corners."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from needq.common.keys import corner_key
from needq.common.rows import TextRow, Tokens, TraceRow
from needq.common.settings import Generation
from needq.corrupt.patches import stored_noise
from needq.inference.generate import generate_all
from needq.inference.patcher import Patcher
from needq.inference.score import reference_logits
from needq.inference.session import Session
from needq.plan.corners import Corner


class Trace(NamedTuple):
    """What one process leaves: rows of schemas.TRACE, and logits by `keys.corner_key`."""

    texts: list[TraceRow]
    logits: dict[str, np.ndarray]


def with_documents(tokens: Tokens, settings: Generation, count: int) -> tuple[Tokens, Generation]:
    """The same with the beginnings of the first documents as more prompts.

    They are as long as the longest prompt, so that the new tokens fit the model's context too.
    """
    longest = max(map(len, tokens["prompts"]))
    begun = [ids[:longest] for ids in tokens["documents"][:count]]
    names = [f"document {index}" for index in range(len(begun))]  # these key the random streams
    prompts = [*settings.prompts, *names]
    more: Tokens = {**tokens, "prompts": tokens["prompts"] + begun}
    return more, settings.changed(prompts=prompts)


def trace_corners(
    work: Session,
    corners: Sequence[Corner],
    noise: Mapping[str, Sequence[str]],
    tokens: Tokens,
    settings: Generation,
    documents: int,
    reference: Sequence[TextRow],
    positions: Sequence[int],
) -> Trace:
    """The texts, and the logits of the reference's texts, at one corner after the other.

    `work` is a session under the arithmetic that all these corners have. `noise` maps a side to
    the files of its noise; `reference` are rows of schemas.TEXTS. So many `documents` are prompts
    too, of which the reference has no texts. What corners cannot differ in is computed once: the
    logits of the pristine model, and its texts under the same draws.
    """
    tokens, settings = with_documents(tokens, settings, documents)
    trace = Trace([], {})
    patchers: dict[str, Patcher] = {}
    pristine = [patch for patch in work.patches if not patch.slices]
    patched = [patch for patch in work.patches if patch.slices]
    texts_once: dict[tuple[str, str], list[TextRow]] = {}
    logits_once: dict[str, np.ndarray] = {}
    for corner in corners:
        side, backend = corner.noise, corner.backend
        if side not in patchers:
            # the patches have the digests of keyed noise alone
            stored = stored_noise(noise[side])
            patchers[side] = Patcher(work.model, work.weights, stored, backend.noise == "keyed")
        model, patcher = work.model, patchers[side]
        how = (tokens, settings, backend, torch.device(corner.stream_device))
        asked = (reference, tokens["prompts"], positions, backend)
        source = {"native": corner.stream_device, "cuda": str(backend.gpu)}.get(backend.rng, "")
        draws = (backend.rng, source)
        if draws not in texts_once:
            texts_once[draws] = generate_all(model, patcher, pristine, *how)
        logits_once = logits_once or reference_logits(model, patcher, pristine, *asked)
        texts = texts_once[draws] + generate_all(model, patcher, patched, *how)
        logits = logits_once | reference_logits(model, patcher, patched, *asked)
        trace.texts.extend({**text, "corner": corner.name} for text in texts)
        trace.logits.update({corner_key(corner.name, key): a for key, a in logits.items()})
    return trace
