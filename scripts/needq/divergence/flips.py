"""The flip law: where two backends with the same draws should part, from margins and errors alone.

Both draw a token by the same race, so they differ in the logits' errors only. Let a token have won
by the margin m, and let the difference of its logit error and its rival's be normal with standard
deviation s: then the rival wins with probability Phi(-m / s), at temperature 1. A text parts at
its first flip. Margins are known for every token; s is measured on other tokens, those that every
backend was given (needq.divergence.diff, `logit_error`). That only the best rival counts, that
errors are normal, equally large everywhere and independent from token to token and from text to
text, is the law's claim, and what the observed texts test.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from pandas import DataFrame
from scipy import stats

LEVEL = 0.95
LEAST_EXPECTED = 5  # of a bin of the chi-square test (Cochran 1954)
PAIR = ["left", "right"]


def first_flips(margins: Sequence[float], error: float, temperature: float) -> numpy.ndarray:
    """The probability that a text parts at each of its tokens (and not before).

    `margins` (nats) are leads in the race, `error` is that of logits: the race divides them by the
    temperature. At temperature 0 margins are leads of logits themselves.
    """
    if error == 0:
        return numpy.zeros(len(margins))
    flips = stats.norm.cdf(-numpy.asarray(margins) * (temperature or 1.0) / error)
    before = numpy.concatenate([[1.0], numpy.cumprod(1 - flips)[:-1]])
    return flips * before


def count_distribution(chances: Sequence[float]) -> numpy.ndarray:
    """P(k of n events happen) for k = 0..n, the events independent (Poisson binomial)."""
    found = numpy.ones(1)
    for chance in chances:
        found = numpy.convolve(found, [1 - chance, chance])
    return found


def count_test(observed: int, chances: Sequence[float]) -> dict[str, float]:
    """The predicted number of events, its 95% interval, and the two-sided p-value of `observed`."""
    distribution = count_distribution(chances)
    below = numpy.cumsum(distribution)
    tails = below[observed], 1 - below[observed] + distribution[observed]
    expected = float(numpy.sum(chances))
    return {
        "predicted": expected,
        "predicted_low": int(numpy.searchsorted(below, (1 - LEVEL) / 2)),
        "predicted_high": int(numpy.searchsorted(below, (1 + LEVEL) / 2)),
        # where nothing is expected, seeing nothing supports nothing
        "p_value": float(min(1.0, 2 * min(tails))) if expected >= 1 else float("nan"),
    }


def place_test(parted: numpy.ndarray, predicted: numpy.ndarray, texts: int) -> float:
    """p-value of where texts parted: chi-square over runs of tokens, and those that never part.

    `parted` and `predicted` count texts by token. NaN where fewer than three bins expect
    LEAST_EXPECTED texts.
    """
    bins, run = [], numpy.zeros(2)
    for pair in zip(parted, predicted, strict=True):
        run = run + pair
        if run[1] >= LEAST_EXPECTED:
            bins.append(run)
            run = numpy.zeros(2)
    # the tokens left over join those that never part, or else the run before
    never = texts - numpy.array([parted.sum(), predicted.sum()])
    if never[1] >= LEAST_EXPECTED and bins:
        bins[-1] = bins[-1] + run
        bins.append(never)
    elif (never + run)[1] >= LEAST_EXPECTED or not bins:
        bins.append(never + run)
    else:
        bins[-1] = bins[-1] + never + run
    if len(bins) < 3:
        return float("nan")
    found, expected = numpy.array(bins).T
    return float(stats.chisquare(found, expected * found.sum() / expected.sum()).pvalue)


def flips_tables(
    texts: DataFrame, divergence: DataFrame, settings: Mapping[str, Any]
) -> tuple[DataFrame, DataFrame]:
    """`flips.tsv` and `flip_places.tsv` for one pair of backends.

    `texts`: the left backend's texts with their `margins` (schemas.TEXTS). `divergence`: the pair's
    rows (schemas.DIVERGENCE). `settings`: the config's `generation`.
    """
    keys = ["sweep", "intervention", "noise_seed", "prompt", "sample_seed"]
    texts = texts[[*keys, "margins"]]
    rows = divergence.merge(texts, on=keys, how="left", validate="one_to_one")
    errors = rows.groupby("blocks_replaced")["logit_error"].transform(
        lambda values: numpy.sqrt((values**2).mean())
    )
    chances = [
        first_flips(margins, error, settings["temperature"])
        for margins, error in zip(rows["margins"], errors, strict=True)
    ]
    rows = rows.assign(
        error=errors,
        parted=~rows["identical"].astype(bool),
        chance=[float(chance.sum()) for chance in chances],
    )
    counted = []
    groups = [(None, rows), *rows.groupby("blocks_replaced")]
    for count, part in groups:
        row = {name: part[name].iloc[0] for name in PAIR} | {"blocks_replaced": count}
        row |= {
            "logit_error": float(numpy.sqrt((part["error"] ** 2).mean())),
            "texts": len(part),
            "parted": int(part["parted"].sum()),
        }
        counted.append(row | count_test(row["parted"], part["chance"]))
    places = _places(rows, chances, settings["max_new_tokens"])
    counted[0]["place_p_value"] = place_test(
        places["parted"].to_numpy(), places["predicted"].to_numpy(), len(rows)
    )
    table = DataFrame(counted)
    table["blocks_replaced"] = table["blocks_replaced"].astype("Int64")
    return table, places


def _places(rows: DataFrame, chances: Sequence[numpy.ndarray], length: int) -> DataFrame:
    """How many texts part at each token, as observed and as predicted."""
    predicted = numpy.zeros(length)
    for chance in chances:
        predicted[: len(chance)] += chance
    first = rows["first_divergent_token"].dropna().astype(int)
    return DataFrame(
        {
            **{name: rows[name].iloc[0] for name in PAIR},
            "token": numpy.arange(length),
            "parted": numpy.bincount(first, minlength=length)[:length],
            "predicted": predicted,
        }
    )
