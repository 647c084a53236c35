"""Predicted flips: in how many texts, and where, rounding alone should make two backends diverge.

With equal token draws, two backends differ only in the errors of their logits. Let a token have
won by the margin m, and let the difference between its logit error and that of the next best token
be normal with standard deviation s. Then the next best token wins instead, the token flips, with
probability Phi(-m / s) at temperature 1. A text diverges at its first flip. Margins are known for
every token; s is measured on tokens that both backends were given (needq.divergence.diff,
`logit_error`).

The prediction assumes that only the next best token matters, and that errors are normal, equally
large everywhere, and independent between tokens and between texts. The observed texts test this.
"""

from collections.abc import Sequence

import numpy
import pandas
from pandas import DataFrame
from scipy import stats

from needq.common import columns, keys

LEVEL = 0.95
LEAST_EXPECTED = 5  # of a bin of the chi-square test (Cochran 1954)
PAIR = list(keys.PAIR)


def first_flips(margins: Sequence[float], error: float, temperature: float) -> numpy.ndarray:
    """The probability that each token of a text is the first to flip.

    `margins` are in nats after division by the temperature; `error` is that of the logits before
    it. At temperature 0, margins are differences of the logits themselves.
    """
    if error == 0:
        return numpy.zeros(len(margins))
    flips = stats.norm.cdf(-numpy.asarray(margins) * (temperature or 1.0) / error)
    before = numpy.concatenate([[1.0], numpy.cumprod(1 - flips)[:-1]])
    return flips * before


def count_distribution(chances: Sequence[float]) -> numpy.ndarray:
    """P(k of n independent events happen) for k = 0..n (the Poisson binomial distribution)."""
    if not len(chances):
        return numpy.ones(1)
    # rounding may leave a sum of probabilities a little above 1, which SciPy refuses
    distribution = stats.poisson_binom(numpy.asarray(chances).clip(0, 1))
    return distribution.pmf(numpy.arange(len(chances) + 1))


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
        # with no text predicted to diverge, no diverged text is no evidence
        "p_value": float(min(1.0, 2 * min(tails))) if expected >= 1 else float("nan"),
    }


def place_test(diverged: numpy.ndarray, predicted: numpy.ndarray, texts: int) -> float:
    """The p-value of a chi-square test that texts diverge at the predicted tokens.

    `diverged` and `predicted` are numbers of texts by token. Neighbouring tokens are put into one
    bin until LEAST_EXPECTED texts are predicted; the last bin holds the texts that never diverge.
    NaN if there are fewer than three bins.
    """
    bins, tokens = [], numpy.zeros(2)
    for pair in zip(diverged, predicted, strict=True):
        tokens = tokens + pair
        if tokens[1] >= LEAST_EXPECTED:
            bins.append(tokens)
            tokens = numpy.zeros(2)
    # the last tokens join the texts that never diverge, or else the bin before
    never = texts - numpy.array([diverged.sum(), predicted.sum()])
    if never[1] >= LEAST_EXPECTED and bins:
        bins[-1] = bins[-1] + tokens
        bins.append(never)
    elif (never + tokens)[1] >= LEAST_EXPECTED or not bins:
        bins.append(never + tokens)
    else:
        bins[-1] = bins[-1] + never + tokens
    if len(bins) < 3:
        return float("nan")
    observed, expected = numpy.array(bins).T
    return float(stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue)


def flips_of_pairs(
    texts: DataFrame, diffs: DataFrame, temperature: float, max_new_tokens: int
) -> tuple[DataFrame, DataFrame]:
    """`flips.tsv` and `flip_places.tsv` of all pairs of backends in `diffs`."""
    pairs = [
        flips_tables(texts, part, temperature, max_new_tokens)
        for _, part in diffs.groupby(PAIR, sort=False)
    ]
    table, places = (pandas.concat(parts) for parts in zip(*pairs, strict=True))
    return table[list(columns.FLIPS)], places[list(columns.FLIP_PLACES)]


def flips_tables(
    texts: DataFrame, divergence: DataFrame, temperature: float, max_new_tokens: int
) -> tuple[DataFrame, DataFrame]:
    """The rows of `flips.tsv` and `flip_places.tsv` for one pair of backends.

    `texts`: the left backend's texts with their `margins` (schemas.TEXTS). `divergence`: the pair's
    rows (schemas.DIVERGENCE).
    """
    texts = texts[[*keys.TEXT, "margins"]]
    rows = divergence.merge(texts, on=list(keys.TEXT), how="left", validate="one_to_one")
    errors = rows.groupby("blocks_replaced")["logit_error"].transform(
        lambda values: numpy.sqrt((values**2).mean())
    )
    chances = [
        first_flips(margins, error, temperature)
        for margins, error in zip(rows["margins"], errors, strict=True)
    ]
    rows = rows.assign(
        error=errors,
        diverged=~rows["identical"].astype(bool),
        chance=[float(chance.sum()) for chance in chances],
    )
    counted = []
    groups = [(None, rows), *rows.groupby("blocks_replaced")]
    for count, part in groups:
        row = {name: part[name].iloc[0] for name in PAIR} | {"blocks_replaced": count}
        row |= {
            "logit_error": float(numpy.sqrt((part["error"] ** 2).mean())),
            "texts": len(part),
            "diverged": int(part["diverged"].sum()),
        }
        counted.append(row | count_test(row["diverged"], part["chance"]))
    places = _places(rows, chances, max_new_tokens)
    counted[0]["place_p_value"] = place_test(
        places["diverged"].to_numpy(), places["predicted"].to_numpy(), len(rows)
    )
    table = DataFrame(counted)
    table["blocks_replaced"] = table["blocks_replaced"].astype("Int64")
    return table, places


def _places(rows: DataFrame, chances: Sequence[numpy.ndarray], length: int) -> DataFrame:
    """How many texts diverge at each token, as observed and as predicted."""
    predicted = numpy.zeros(length)
    for chance in chances:
        predicted[: len(chance)] += chance
    first = rows["first_divergent_token"].dropna().astype(int)
    return DataFrame(
        {
            **{name: rows[name].iloc[0] for name in PAIR},
            "token": numpy.arange(length),
            "diverged": numpy.bincount(first, minlength=length)[:length],
            "predicted": predicted,
        }
    )
