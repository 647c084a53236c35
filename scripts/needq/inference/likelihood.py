"""Likelihoods: what a model says about tokens, for all rows of a batch at once.

The logits of a whole batch may be large, and often few of them are needed. So the head is computed
where something is predicted, and chunk by chunk.

Under the exact backend, all of it is exact arithmetic. Other backends promise no bits, so torch's
own functions are good enough there, in float32 (in float64 under precision float64).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from needq.exact.compiled import exp_bounded
from needq.exact.softmax import divergence, log_softmax, softmax_norm
from needq.inference.backend import Model, require_finite

CHUNK_ROWS = 128  # rows of logits at a time on a CPU
CHUNK_BYTES = 1 << 28  # of logits at a time on a GPU, which is busy only with many rows
# bytes of them at a time on a CPU, so that what is made of these stays in its caches: native, exact
TILE_BYTES = {False: 1 << 19, True: 1 << 21}


class Predicted(NamedTuple):
    """Which tokens of a batch are predicted, and from where."""

    rows: Tensor  # int64 [rows], into the batch [batch * tokens]
    places: Tensor  # int64 [predictions]: which of `rows` predicts each; several may share one
    targets: Tensor  # int64 [predictions]
    counts: list[int]  # how many predictions belong together: to a row of ids, or to a candidate


class Pristine(NamedTuple):
    """What the pristine model says of a chunk of rows."""

    logits: Tensor  # [rows, vocabulary]
    log_probabilities: Tensor
    probabilities: Tensor
    first: Tensor  # [rows], the most probable token
    expected: Tensor  # [rows], the mean of the log probabilities, by the probabilities


class Compared(NamedTuple):
    """For each row that predicts one token, in float64."""

    nll: Tensor  # nats
    kl: Tensor  # nats, from the pristine model
    same_first: Tensor  # 1 where both rank the same token first, else 0


def predicted(parts: Sequence[tuple[int, int, Sequence[int]]], width: int) -> Predicted:
    """What a padded batch predicts: of a row, from a start on, some tokens; for each of `parts`.

    `width` is the number of tokens of a padded row.
    """
    places = [
        row * width + start - 1 + step
        for row, start, tokens in parts
        for step in range(len(tokens))
    ]
    rows, shared = torch.tensor(places).unique(return_inverse=True)
    targets = torch.tensor([token for _, _, tokens in parts for token in tokens])
    return Predicted(rows, shared, targets, [len(tokens) for _, _, tokens in parts])


def log_probabilities(model: Model, logits: Tensor) -> Tensor:
    """Logarithms (nats) of the probabilities of logits [rows, vocabulary]."""
    if model.exact:
        return log_softmax(logits)
    return torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), -1)


def chunks_of_logits(
    model: Model, hidden: Tensor, rows: Tensor, checked: bool = True
) -> Iterator[Tensor]:
    """The logits [chunk, vocabulary] of some rows of a batch, chunk by chunk.

    `hidden` [batch, tokens, width] is what the model's head takes. UserError if logits are not
    finite, where they are `checked`; those of exact arithmetic are, or it has refused its input.
    """
    flat, together = hidden.flatten(0, 1), CHUNK_ROWS
    if model.device.type == "cuda":
        together = max(1, CHUNK_BYTES // model.head(flat[:1][None]).nbytes)
    for part in rows.to(flat.device).split(together):
        logits = model.head(flat[part][None])[0]
        yield require_finite(logits) if checked and not model.exact else logits


def token_scores(model: Model, hidden: Tensor, wanted: Predicted) -> tuple[Tensor, Tensor]:
    """The nll (nats, float64) of each prediction, and its token's lead over the best other one.

    The lead is a difference of log probabilities, in nats. It is above 0 if the token is the most
    probable one.
    """
    nll = torch.empty(len(wanted.targets), dtype=torch.float64)
    lead = torch.empty(len(wanted.targets), dtype=torch.float64)
    start = 0
    for part in chunks_of_logits(model, hidden, wanted.rows):
        inside = (wanted.places >= start) & (wanted.places < start + len(part))
        places = (wanted.places[inside] - start).to(part.device)
        targets = wanted.targets[inside].to(part.device)
        nll[inside] = -log_probabilities(model, part)[places, targets].double().cpu()
        # a softmax subtracts one number from all logits, so their differences are those of nats
        highest, second = (values[places] for values in part.topk(2, -1).values.unbind(-1))
        own = part[places, targets]
        best_other = torch.where(own == highest, second, highest)
        lead[inside] = (own.double() - best_other.double()).cpu()
        start += len(part)
    return nll, lead


def row_nlls(model: Model, hidden: Tensor, wanted: Predicted) -> Tensor:
    """The nll (nats, float64, on the CPU) of each row; each row predicts one token."""
    targets, values, start = wanted.targets.to(model.device), [], 0
    for part in chunks_of_logits(model, hidden, wanted.rows):
        for logits, token in _tiles(model, part, targets[start : start + len(part)]):
            values.append(-log_probabilities(model, logits).gather(1, token[:, None])[:, 0])
        start += len(part)
    return torch.cat(values).double().cpu()


def pristine(model: Model, hidden: Tensor, wanted: Predicted) -> list[Pristine]:
    """What the pristine model says where something is predicted, chunk by chunk."""
    exponential = exp_bounded if model.exact else torch.exp
    kept = []
    for part in chunks_of_logits(model, hidden, wanted.rows):
        values = log_probabilities(model, part)
        p = exponential(values)
        kept.append(Pristine(part, values, p, part.argmax(-1), (p * values).sum(-1)))
    return kept


def _tiles(model: Model, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Logits [rows, vocabulary] and what else has these rows, a few rows at a time on a CPU."""
    logits = tensors[0]
    rows = len(logits) if logits.is_cuda else max(1, TILE_BYTES[model.exact] // logits[0].nbytes)
    return zip(*(tensor.split(rows) for tensor in tensors), strict=True)


def compare(
    model: Model,
    chunks: Iterable[Tensor],
    wanted: Predicted,
    before: Sequence[Pristine],
    watch: Callable[[Tensor], None],
) -> Compared:
    """What a corrupted model says, compared with the pristine one; each row predicts one token.

    `chunks` are its logits, and `watch` is shown each of them. UserError if one is not finite.
    """
    targets = wanted.targets.to(model.device).split([len(known.logits) for known in before])
    values: list[Tensor] = []
    for part, own, known in zip(chunks, targets, before, strict=True):
        watch(part)
        tiles = _tiles(model, part, own[:, None], known.log_probabilities, known.probabilities)
        found = [_compare_tile(model, *tile) for tile in tiles]
        log_p, kl, largest = (torch.cat(of) for of in zip(*found, strict=True))
        if not model.exact:
            kl = known.expected - kl
        values.append(torch.stack([-log_p, kl, _ranked_first(part, known.first, largest)]))
    compared = Compared(*torch.cat(values, 1).double().cpu())
    require_finite(compared.kl)  # it is not if a logit was not
    return compared


def _compare_tile(
    model: Model, logits: Tensor, targets: Tensor, log_p: Tensor, p: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of a few rows: log probabilities of `targets` [rows, 1], KL, and the largest logits; [rows].

    Outside exact arithmetic, the mean log probability by `p` is in place of KL: so `log_p`, which
    would come from outside the caches, is not read.
    """
    if model.exact:
        norm = softmax_norm(logits)
        own = norm.logarithms(logits.gather(1, targets))[:, 0]
        return own, divergence(log_p, p, logits, norm), norm.largest[:, 0]
    largest = logits.amax(-1)  # first, while the logits are in the caches
    after = log_probabilities(model, logits)
    own = after.gather(1, targets)[:, 0]
    return own, after.mul_(p).sum(-1), largest


def _ranked_first(logits: Tensor, tokens: Tensor, largest: Tensor) -> Tensor:
    """Whether each row of logits, with its `largest` one, ranks its token first: bool [rows]."""
    if logits.itemsize < 4:  # of equal logits, the one that argmax takes counts
        return logits.argmax(-1) == tokens
    # a tie is as good as impossible, and this takes an eighth of the time
    return logits.gather(1, tokens[:, None])[:, 0] == largest
