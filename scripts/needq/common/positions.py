"""Bands of position: which tokens of a document are near its beginning.

A story's first 40 tokens are a formula ("Once upon a time, there was a little girl named ..."),
which n-grams predict almost as well as a model does. After 40 tokens, its persons and things have
been named, so that a model can look them up. After 100 tokens, it has most of the story before it.
"""

from collections.abc import Sequence
from math import fsum

BANDS = {"0_39": slice(0, 40), "40_99": slice(40, 100), "from_100": slice(100, None)}
# how people read them
BAND_NAMES = {"0_39": "0 to 39", "40_99": "40 to 99", "from_100": "100 and on"}


def mean(values: Sequence[float]) -> float:
    """The mean, from a correctly rounded sum."""
    return fsum(values) / len(values)


def by_band(nlls: Sequence[float]) -> dict[str, float | None]:
    """The mean nll of the tokens of each band, as columns nll_BAND; None for a band without tokens.

    `nlls` are those of a document's scored tokens, in nats.
    """
    return {f"nll_{name}": mean(nlls[band]) if nlls[band] else None for name, band in BANDS.items()}
