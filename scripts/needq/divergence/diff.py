"""Divergence: where two backends part on the same work, and by how much.

A text's new tokens include the one that ended it, so a text that ends earlier than its twin
diverges where one has the end token and the other goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from needq.common.keys import logits_key

# explicit bits of the significand of each format; logits under TF32 are float32
SIGNIFICAND = {"float64": 52, "float32": 23, "tf32": 23, "float16": 10, "bfloat16": 7}

TINY = np.finfo(float).tiny
Row = Mapping[str, Any]
WORK = ("sweep", "intervention", "noise_seed", "prompt", "sample_seed")


def first_divergent(left: Sequence[int], right: Sequence[int]) -> int | None:
    """The first place (from 0) where two sequences of tokens differ; None if they are the same."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return None if len(left) == len(right) else min(len(left), len(right))


def compare_logits(
    left: np.ndarray, right: np.ndarray, precisions: Sequence[str]
) -> dict[str, Any]:
    """How far the logits [position, vocabulary] of two backends lie apart on the same tokens.

    `max_abs_logit` is the largest difference; `max_ulp` the largest over positions, in units in
    the last place of the coarser of the two formats, at the magnitude of the position's largest
    logit (at its own magnitude, a logit near 0 would always be the one that is furthest off);
    `kl` the mean over positions of KL(left || right) in nats; `top1_flips` at how many positions
    the first-ranked tokens differ; `logit_error` the standard deviation, over positions, of the
    difference of two different tokens' logit errors, the tokens drawn by the left backend's
    probabilities: an error that all tokens share changes no choice.
    Positions that are nan (beyond the text) are left out; all values are None if none is left.
    """
    there = ~np.isnan(left).any(-1)
    left, right = left[there].astype(np.float64), right[there].astype(np.float64)
    if not len(left):
        return dict.fromkeys(("max_abs_logit", "max_ulp", "kl", "top1_flips", "logit_error"))
    distance = np.abs(left - right)
    bits = min(SIGNIFICAND[precision] for precision in precisions)
    _, exponent = np.frexp(np.maximum(np.abs(left), np.abs(right)).max(-1, keepdims=True))
    ulp = np.ldexp(1.0, exponent - 1 - bits)
    log_left, log_right = _log_softmax(left), _log_softmax(right)
    error, weight = left - right, np.exp(log_left)
    centred = error - (weight * error).sum(-1, keepdims=True)
    different = (1 - (weight**2).sum(-1)).sum()  # the chance that two draws are, summed
    return {
        "max_abs_logit": float(distance.max()),
        "max_ulp": float((distance / ulp).max()),
        # rounding may leave a hair below 0
        "kl": max(0.0, float((weight * (log_left - log_right)).sum(-1).mean())),
        "top1_flips": int((left.argmax(-1) != right.argmax(-1)).sum()),
        "logit_error": float(np.sqrt(2 * (weight * centred**2).sum() / max(different, TINY))),
    }


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def repeated(first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    """The first process's texts that the second, the null control, made again."""
    again = {_work(row) for row in second}
    return [row for row in first if _work(row) in again]


def _work(row: Row) -> tuple[Any, ...]:
    """What a text is of, whatever backend made it."""
    return tuple(row[key] for key in WORK)


def diff(
    names: tuple[str, str],
    texts: tuple[Sequence[Row], Sequence[Row]],
    logits: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    precisions: Sequence[str],
) -> Iterator[dict[str, Any]]:
    """One row per text of a pair of backends `names`, over the same interventions.

    `logits` maps `logits_key` to [prompt, position, vocabulary]; they belong to each prompt's
    first sample seed. `margin` is the left backend's, at the first divergent token.
    """
    first_seed = texts[0][0]["sample_seed"]
    for left, right in zip(*texts, strict=True):
        if _work(left) != _work(right):
            raise ValueError("the two backends' texts are not of the same work")
        place = first_divergent(left["tokens"], right["tokens"])
        row = dict(zip(WORK, _work(left), strict=True))
        row |= {name: left[name] for name in ("block", "blocks_replaced")}
        row |= {
            "left": names[0],
            "right": names[1],
            "identical": place is None,
            "first_divergent_token": place,
            "tokens": len(left["tokens"]),
            "margin": None if place is None else left["margins"][place],
        }
        if left["sample_seed"] == first_seed:
            key = logits_key(left["intervention"], left["noise_seed"])
            prompt = left["prompt"]
            row |= compare_logits(logits[0][key][prompt], logits[1][key][prompt], precisions)
        yield row
