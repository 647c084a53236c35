"""Scores: what a corrupted model predicts, given the true past (teacher forcing)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import torch

from needq.common.backends import Backend
from needq.common.keys import logits_key
from needq.common.logs import progress
from needq.common.positions import by_band, mean
from needq.common.rows import DocumentRow, DocumentScore, TextRow, TextScore, TextScoreRow
from needq.corrupt.patches import Patch
from needq.inference.backend import Model, batches
from needq.inference.digests import Digests
from needq.inference.likelihood import (
    Predicted,
    Pristine,
    chunks_of_logits,
    compare,
    predicted,
    pristine,
    row_nlls,
)
from needq.inference.padding import filled
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import hidden_under_each
from needq.inference.sampling import as_array
from needq.inference.stack import PRISTINE, Stack, stacks

Text = tuple[Sequence[int], Sequence[int]]  # prompt ids, new ids

# what passes through a block at once on a CPU, so that its values stay in the caches: about so many
# tokens, but at least so many documents
TOKENS = {"native": 1400, "exact": 500}
FEWEST = {"native": 8, "exact": 1}
PRISTINE_BYTES = 1 << 32  # of what is kept of the pristine model's logits on a GPU
PRISTINE_TENSORS = 3  # logits, their log probabilities and probabilities (likelihood.Pristine)


def documents_together(model: Model, backend: Backend, documents: Sequence[Sequence[int]]) -> int:
    """How many documents pass through a model at once.

    On a CPU they have about TOKENS tokens: 8 of 170 tokens take 0.82 of the time of 32
    (pocket-gpt2), and in exact arithmetic, 3 take 0.83 of the time of 8. On a GPU, as many as
    PRISTINE_BYTES allow.
    """
    longest, kind = max(map(len, documents)), backend.arithmetic
    if backend.device == "cpu":
        return min(backend.batch, max(FEWEST[kind], TOKENS[kind] // longest))
    logits, _ = model.logits(torch.zeros((1, 1), dtype=torch.int64))
    most = PRISTINE_BYTES // (PRISTINE_TENSORS * logits.nbytes * longest)
    return min(backend.batch, max(1, most))


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

    Means per token over a document, in nats: `nll`, of all tokens and by band of position, and `kl`
    from the pristine model to the corrupted one; `top1_agreement` is the share of tokens where both
    rank the same token first.
    `logits_sha256` is the digest of all its logits, in exact arithmetic. `n_bytes` are the bytes
    that are scored.
    """
    scores: list[list[DocumentScore]] = [[] for _ in patches]
    numbered = list(zip(range(len(documents)), documents, n_bytes, strict=True))
    # documents of like length together, since the short ones of a batch are padded
    numbered.sort(key=lambda document: len(document[1]), reverse=True)
    for part in progress(batches(numbered, batch), "score documents, batch"):
        ids, mask, wanted = next_tokens([row for _, row, _ in part])
        before: list[Pristine] = []
        # the pristine model comes first, and costs nothing if a patch is pristine too
        under_each = hidden_under_each(model, patcher, [PRISTINE, *patches], ids, mask)
        for number, hidden in under_each:
            if number == 0:
                before = pristine(model, hidden, wanted)
                continue
            digests = Digests(wanted.counts if model.exact else [])
            chunks: Iterable[torch.Tensor] = chunks_of_logits(
                model, hidden, wanted.rows, checked=False
            )
            if not patches[number - 1].slices:
                chunks = [chunk.logits for chunk in before]
            compared = compare(model, chunks, wanted, before, digests.add)
            own = zip(part, *(of.split(wanted.counts) for of in compared), strict=True)
            for place, ((index, row, size), nll, kl, same_first) in enumerate(own):
                nlls = nll.tolist()
                score = {
                    "document": index,
                    "tokens": len(row) - 1,
                    "bytes": size,
                    "nll": mean(nlls),
                    **by_band(nlls),
                    "kl": mean(kl.tolist()),
                    "top1_agreement": mean(same_first.tolist()),
                    "logits_sha256": digests.made[place] if model.exact else None,
                }
                scores[number - 1].append(cast("DocumentScore", score))
    for of_patch in scores:
        of_patch.sort(key=lambda score: score["document"])
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
    made: list[list[str]] = [[] for _ in patches]
    for part in progress(batches(documents, batch), "digests of logits, batch"):
        ids, mask, wanted = next_tokens(part)
        for number, hidden in hidden_under_each(model, patcher, patches, ids, mask):
            digests = Digests(wanted.counts)
            for logits in chunks_of_logits(model, hidden, wanted.rows):
                digests.add(logits)
            made[number] += digests.made
    return made


def next_tokens(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor, Predicted]:
    """`filled` rows, each without its last token, which predicts nothing, and what is predicted."""
    ids, mask = filled([row[:-1] for row in rows])
    asked = [(number, 1, row[1:]) for number, row in enumerate(rows)]
    return ids, mask, predicted(asked, ids.shape[1])


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
    backend: Backend,
) -> list[TextScoreRow]:
    """The scores of `texts`, as rows of schemas.TEXT_SCORES.

    Texts that were generated together are scored together, and the same text once.
    """
    if not texts:
        return []
    grouped = by_intervention(texts, prompts)
    scores: list[TextScore] = []
    together = list(stacks(model, patches, backend, *_size(grouped)))
    for stack in progress(together, "score texts, stack"):
        own = [text for patch in stack for text in grouped[patch.intervention, patch.noise_seed]]
        unlike = list(dict.fromkeys((tuple(prompt), tuple(new)) for prompt, new in own))
        known = dict(zip(unlike, score_texts(model, unlike, backend.batch), strict=True))
        scores += [known[tuple(prompt), tuple(new)] for prompt, new in own]
    rows = [{**text, **score} for text, score in zip(texts, scores, strict=True)]
    return cast("list[TextScoreRow]", rows)


def score_texts(model: Model, texts: Sequence[Text], batch: int) -> list[TextScore]:
    """For each text, how many new `tokens` it has, their `nlls` (nats) and the mean of these.

    Every text has at least one new token, if only the one that ended it.
    """
    return [
        {"tokens": len(values), "pristine_nll": mean(values), "nlls": values}
        for values in map(torch.Tensor.tolist, token_nlls(model, texts, batch))
    ]


@torch.inference_mode()
def token_nlls(model: Model, texts: Sequence[Text], batch: int) -> Iterator[torch.Tensor]:
    """The nll (nats, float64) of each new token of each text."""
    for part in batches(texts, batch):
        ids, mask = filled([[*prompt, *new] for prompt, new in part])
        asked = [(number, len(prompt), new) for number, (prompt, new) in enumerate(part)]
        wanted = predicted(asked, ids.shape[1])
        yield from row_nlls(model, hidden(model, ids, mask), wanted).split(wanted.counts)


@torch.inference_mode()
def logits_at_positions(
    model: Model, texts: Sequence[Text], positions: Sequence[int], batch: int
) -> np.ndarray:
    """The logits [text, position, vocabulary] that predict the new tokens at `positions`.

    They are nan where a text has no token at the position.
    """
    arrays = []
    for part in batches(texts, batch):
        ids, mask = filled([[*prompt, *new] for prompt, new in part])
        there = [[position < len(new) for position in positions] for _, new in part]
        rows = [
            number * ids.shape[1] + len(prompt) - 1 + position
            for number, (prompt, new) in enumerate(part)
            for position in positions
            if position < len(new)
        ]
        chunks = chunks_of_logits(model, hidden(model, ids, mask), torch.tensor(rows))
        logits = np.concatenate([as_array(chunk) for chunk in chunks])
        kept = np.full((len(part), len(positions), logits.shape[1]), np.nan, logits.dtype)
        kept[np.array(there)] = logits
        arrays.append(kept)
    return np.concatenate(arrays)


def hidden(model: Model, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What the model's head takes, as it is; ids and mask as in a model's `logits`."""
    stream = model.begin(ids, mask)
    for block in range(model.n_blocks):
        stream = model.block(block, stream)
    return model.hidden(stream)


def reference_logits(
    model: Model,
    patcher: Patcher,
    patches: Sequence[Patch],
    texts: Sequence[TextRow],
    prompts: Sequence[Sequence[int]],
    positions: Sequence[int],
    backend: Backend,
) -> dict[str, np.ndarray]:
    """`logits_at_positions` on the reference backend's texts (first sample seed), by `logits_key`.

    `texts` are rows of schemas.TEXTS. They pass through the model as those that are generated.
    """
    first_seed = texts[0]["sample_seed"]
    first = by_intervention([t for t in texts if t["sample_seed"] == first_seed], prompts)
    logits = {}
    # in exact arithmetic a stack changes no bit, and a CPU is faster with what fits its caches
    alone = model.exact and model.device.type == "cpu"
    together = batches(patches, 1) if alone else stacks(model, patches, backend, *_size(first))
    for stack in progress(list(together), "logits of the reference's tokens, stack"):
        keys = [(patch.intervention, patch.noise_seed) for patch in stack]
        parts: list[list[np.ndarray]] = [[] for _ in stack]
        stacked = Stack(model, patcher, stack)
        # as many texts under each patch: those of all prompts
        for batch in zip(*(batches(first[key], backend.batch) for key in keys), strict=True):
            rows = [text for own in batch for text in own]
            with stacked.applied(len(batch[0])):
                arrays = logits_at_positions(model, rows, positions, len(rows))
            for part, array in zip(parts, np.split(arrays, len(stack)), strict=True):
                part.append(array)
        for key, part in zip(keys, parts, strict=True):
            logits[logits_key(*key)] = np.concatenate(part)
    return logits


def _size(texts: Mapping[tuple[str, int | None], Sequence[Text]]) -> tuple[int, int]:
    """How many texts an intervention has, and how many tokens, at most."""
    lengths = [len(prompt) + len(new) for own in texts.values() for prompt, new in own]
    return max(map(len, texts.values())), max(lengths)


def by_intervention(
    texts: Sequence[TextRow], prompts: Sequence[Sequence[int]]
) -> dict[tuple[str, int | None], list[Text]]:
    """The prompt and new ids of each text, in order, by (intervention, noise seed)."""
    grouped: dict[tuple[str, int | None], list[Text]] = {}
    for text in texts:
        key = (text["intervention"], text["noise_seed"])
        grouped.setdefault(key, []).append((prompts[text["prompt"]], text["tokens"]))
    return grouped
