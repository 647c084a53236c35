"""Predicted flips: in how many texts, and where, rounding alone should make two backends diverge.

With equal token draws, two backends differ only in the errors of their logits. Let a token have
won by the margin m, and let the difference between its logit error and that of the next best token
be normal with standard deviation s. Then the next best token wins instead, the token flips, with
probability Phi(-m / s) at temperature 1. It flips too if the winner leaves the tokens that top_k
and top_p keep, or if an outsider enters that would have won: with probability Phi(-x / s) at a
distance x from that edge (needq.inference.edges). A text diverges at its first flip. All distances
are known for every token; s is measured on tokens that both backends were given
(needq.divergence.diff, `logit_error`).

The prediction assumes that only the next best token and the nearest edges matter, and that errors
are normal, equally large everywhere, and independent between tokens and between texts. The observed
texts test this: text by text, token by token, and by margin.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
import pandas
from pandas import DataFrame
from scipy.special import chdtrc, ndtr  # scipy.stats, which has them too, takes a second to import

from needq.common import columns, keys

LEVEL = 0.95
LEAST_EXPECTED = 5  # of a bin of the chi-square test (Cochran 1954)
PAIR = list(keys.PAIR)
# margins in units of the logit error: the lower ends of the bins of the reliability diagram
MARGIN_BINS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)


def flip_chances(
    margins: Sequence[float],
    exits: Sequence[float],
    entries: Sequence[float],
    error: float,
    temperature: float,
) -> numpy.ndarray:
    """The probability that each token of a text flips, if the tokens before it did not.

    `margins` are in nats after division by the temperature; `error`, `exits` and `entries` are
    those of the logits before it. At temperature 0, margins are differences of the logits
    themselves.
    """
    if error == 0:
        return numpy.zeros(len(margins))
    leads = [numpy.asarray(margins) * (temperature or 1.0), exits, entries]
    return 1 - numpy.prod([ndtr(numpy.asarray(lead) / error) for lead in leads], axis=0)


def first_flips(chances: numpy.ndarray) -> numpy.ndarray:
    """The probability that each token of a text is the first to flip, by `flip_chances`."""
    return chances * numpy.concatenate([[1.0], numpy.cumprod(1 - chances)[:-1]])


def count_distribution(chances: Sequence[float]) -> numpy.ndarray:
    """P(k of n independent events happen) for k = 0..n (the Poisson binomial distribution).

    Distributions of halves are convolved. SciPy's `poisson_binom` needs memory for n x n numbers,
    5 GB for the tokens of the default run.
    """
    # rounding may leave a sum of probabilities a little above 1
    found = [numpy.array([1 - chance, chance]) for chance in numpy.asarray(chances).clip(0, 1)]
    while len(found) > 1:
        pairs = zip(found[::2], found[1::2], strict=False)
        odd = found[-1:] if len(found) % 2 else []
        found = [numpy.convolve(*pair) for pair in pairs] + odd
    return found[0] if found else numpy.ones(1)


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
    expected = expected * observed.sum() / expected.sum()
    return float(chdtrc(len(bins) - 1, ((observed - expected) ** 2 / expected).sum()))


def token_test(flipped: numpy.ndarray, chances: numpy.ndarray) -> float:
    """The two-sided p-value of the number of tokens that flipped, of all that could be first.

    The number of flips less the sum of their chances is a martingale over the tokens of a text, so
    its variance is the sum of P (1 - P). NaN with fewer than LEAST_EXPECTED flips to expect.
    """
    expected, variance = chances.sum(), (chances * (1 - chances)).sum()
    if expected < LEAST_EXPECTED:
        return float("nan")
    return float(2 * ndtr(-abs(flipped.sum() - expected) / numpy.sqrt(variance)))


class FlipTables(NamedTuple):
    """`flips.tsv`, `flip_places.tsv` and `flip_margins.tsv`."""

    flips: DataFrame
    places: DataFrame
    margins: DataFrame


def flips_of_pairs(
    texts: DataFrame, diffs: DataFrame, temperature: float, max_new_tokens: int
) -> FlipTables:
    """The tables of all pairs of backends in `diffs`."""
    pairs = [
        flip_tables(texts, part, temperature, max_new_tokens)
        for _, part in diffs.groupby(PAIR, sort=False)
    ]
    return FlipTables(*(pandas.concat(parts) for parts in zip(*pairs, strict=True)))


def flip_tables(
    texts: DataFrame, divergence: DataFrame, temperature: float, max_new_tokens: int
) -> FlipTables:
    """The tables of one pair of backends.

    `texts`: the left backend's texts with `margins`, `exits` and `entries` (schemas.TEXTS).
    `divergence`: the pair's rows (schemas.DIVERGENCE).
    """
    texts = texts[[*keys.TEXT, "margins", "exits", "entries"]]
    rows = divergence.merge(texts, on=list(keys.TEXT), how="left", validate="one_to_one")
    errors = rows.groupby("blocks_replaced")["logit_error"].transform(
        lambda values: numpy.sqrt((values**2).mean())
    )
    leads = zip(rows["margins"], rows["exits"], rows["entries"], errors, strict=True)
    chances = [flip_chances(*of_text, temperature) for of_text in leads]
    firsts = [first_flips(chance) for chance in chances]
    rows = rows.assign(
        error=errors,
        diverged=~rows["identical"].astype(bool),
        chance=[float(first.sum()) for first in firsts],
    )
    tokens = _tokens_at_risk(rows, chances, temperature)
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
    places = _places(rows, firsts, max_new_tokens)
    counted[0]["place_p_value"] = place_test(
        places["diverged"].to_numpy(), places["predicted"].to_numpy(), len(rows)
    )
    counted[0]["token_p_value"] = token_test(
        tokens["flipped"].to_numpy(), tokens["chance"].to_numpy()
    )
    table = DataFrame(counted, columns=list(columns.FLIPS))
    table["blocks_replaced"] = table["blocks_replaced"].astype("Int64")
    return FlipTables(table, places, _by_margin(rows, tokens))


def _tokens_at_risk(
    rows: DataFrame, chances: Sequence[numpy.ndarray], temperature: float
) -> DataFrame:
    """The tokens up to the first flip of each text: `margin` (in errors), `chance`, `flipped`."""
    parts = []
    for row, chance in zip(rows.itertuples(), chances, strict=True):
        length = int(row.first_divergent_token) + 1 if row.diverged else len(chance)
        length = min(length, len(chance))  # a text may go on where the left one has ended
        margins = numpy.asarray(row.margins[:length]) * (temperature or 1.0)
        flipped = numpy.zeros(length, dtype=bool)
        flipped[-1:] = row.diverged
        in_errors = margins / row.error if row.error else numpy.full(length, numpy.inf)
        part = {"margin": in_errors, "chance": chance[:length], "flipped": flipped}
        parts.append(DataFrame(part))
    return pandas.concat(parts)


def _by_margin(rows: DataFrame, tokens: DataFrame) -> DataFrame:
    """How many tokens flipped and should have, by their margin in units of the logit error."""
    ends = [*MARGIN_BINS[1:], numpy.inf]
    found = []
    for low, high in zip(MARGIN_BINS, ends, strict=True):
        # without an error, margins are infinitely many errors large
        below = (tokens["margin"] < high) | (high == numpy.inf)
        part = tokens[(tokens["margin"] >= low) & below]
        test = count_test(int(part["flipped"].sum()), part["chance"])
        found.append(
            {
                **{name: rows[name].iloc[0] for name in PAIR},
                "margin_low": low,
                "margin_high": high,
                "tokens": len(part),
                "flipped": int(part["flipped"].sum()),
                **{name: test[name] for name in ("predicted", "predicted_low", "predicted_high")},
            }
        )
    return DataFrame(found, columns=list(columns.FLIP_MARGINS))


def _places(rows: DataFrame, firsts: Sequence[numpy.ndarray], length: int) -> DataFrame:
    """How many texts diverge at each token, as observed and as predicted."""
    predicted = numpy.zeros(length)
    for chance in firsts:
        predicted[: len(chance)] += chance
    first = rows["first_divergent_token"].dropna().astype(int)
    return DataFrame(
        {
            **{name: rows[name].iloc[0] for name in PAIR},
            "token": numpy.arange(length),
            "diverged": numpy.bincount(first, minlength=length)[:length],
            "predicted": predicted,
        },
        columns=list(columns.FLIP_PLACES),
    )
