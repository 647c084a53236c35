"""Divergence: where the texts of two backends diverge, and by how much their logits differ.

The new tokens of a text include the end token. So if only one of two texts ends at some token, the
texts diverge there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from needq.common.keys import logits_key, text_hash
from needq.common.rows import DiffRow, LogitsDifference, TextRow

# explicit bits of the significand of each format; logits under TF32 are float32
SIGNIFICAND = {"float64": 52, "float32": 23, "tf32": 23, "float16": 10, "bfloat16": 7}

T = TypeVar("T", bound=TextRow)

TINY = np.finfo(float).tiny


def first_divergent(left: Sequence[int], right: Sequence[int]) -> int | None:
    """The first index at which two sequences of tokens differ; None if they are equal."""
    for place, (left_token, right_token) in enumerate(zip(left, right, strict=False)):
        if left_token != right_token:
            return place
    return None if len(left) == len(right) else min(len(left), len(right))


def compare_logits(
    left: np.ndarray, right: np.ndarray, precisions: Sequence[str]
) -> LogitsDifference:
    """How far the logits [position, vocabulary] of two backends differ, given the same tokens.

    - `max_abs_logit`: the largest absolute difference.
    - `max_ulp`: the largest absolute difference in units in the last place of the less precise
      format, at the magnitude of the position's largest logit. (At the magnitude of each logit
      itself, a logit near 0 would always have the largest difference.)
    - `kl`: KL(left || right) in nats, mean over positions.
    - `top1_flips`: the number of positions where the most probable tokens differ.
    - `logit_error`: the standard deviation, over positions, of the difference of two different
      tokens' logit errors, where tokens are drawn by the left backend's probabilities. An error
      that all tokens have in common changes no choice.

    Positions that are nan (beyond the end of the text) are left out. If no position remains, all
    values are None.
    """
    within = ~np.isnan(left).any(-1)  # the text
    left, right = left[within].astype(np.float64), right[within].astype(np.float64)
    if not len(left):
        return {
            "max_abs_logit": None,
            "max_ulp": None,
            "kl": None,
            "top1_flips": None,
            "logit_error": None,
        }
    distance = np.abs(left - right)
    bits = min(SIGNIFICAND[precision] for precision in precisions)
    _, exponent = np.frexp(np.maximum(np.abs(left), np.abs(right)).max(-1, keepdims=True))
    ulp = np.ldexp(1.0, exponent - 1 - bits)
    log_left, log_right = _log_softmax(left), _log_softmax(right)
    error, weight = left - right, np.exp(log_left)
    centred = error - (weight * error).sum(-1, keepdims=True)
    different = (1 - (weight**2).sum(-1)).sum()  # probability of two different tokens, summed
    return {
        "max_abs_logit": float(distance.max()),
        "max_ulp": float((distance / ulp).max()),
        # rounding may give a value just below 0
        "kl": max(0.0, float((weight * (log_left - log_right)).sum(-1).mean())),
        "top1_flips": int((left.argmax(-1) != right.argmax(-1)).sum()),
        "logit_error": float(np.sqrt(2 * (weight * centred**2).sum() / max(different, TINY))),
    }


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def repeated(first: Sequence[T], second: Sequence[TextRow]) -> list[T]:
    """The texts of the first process that the second process (the repeat) generated again."""
    again = {_text_key(row) for row in second}
    return [row for row in first if _text_key(row) in again]


def _text_key(row: TextRow) -> tuple[object, ...]:
    """The key of a text, which is the same for every backend."""
    keys = (row["sweep"], row["intervention"], row["noise_seed"])
    return (*keys, row["prompt"], row["sample_seed"])


def diff(
    names: tuple[str, str],
    texts: tuple[Sequence[TextRow], Sequence[TextRow]],
    logits: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    precisions: Sequence[str],
) -> Iterator[DiffRow]:
    """One row per text of the pair of backends `names`, which have the same interventions.

    `logits` maps `logits_key` to [prompt, position, vocabulary], for the first sample seed of each
    prompt; the last prompts may have none. `margin` is that of the left backend at the first
    divergent token.
    """
    first_seed = texts[0][0]["sample_seed"]
    for left, right in zip(*texts, strict=True):
        if _text_key(left) != _text_key(right):
            raise ValueError(
                "the two backends' texts are not of the same interventions, prompts and seeds"
            )
        place = first_divergent(left["tokens"], right["tokens"])
        row: DiffRow = {
            "left": names[0],
            "right": names[1],
            "sweep": left["sweep"],
            "intervention": left["intervention"],
            "block": left["block"],
            "blocks_replaced": left["blocks_replaced"],
            "noise_seed": left["noise_seed"],
            "prompt": left["prompt"],
            "sample_seed": left["sample_seed"],
            "text_hash": text_hash(left["tokens"]),
            "identical": place is None,
            "first_divergent_token": place,
            "tokens": len(left["tokens"]),
            "margin": None if place is None else left["margins"][place],
        }
        one, other = (part[logits_key(left["intervention"], left["noise_seed"])] for part in logits)
        prompt = left["prompt"]
        if left["sample_seed"] == first_seed and prompt < len(one):
            row.update(compare_logits(one[prompt], other[prompt], precisions))
        yield row
