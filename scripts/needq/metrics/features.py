"""Features of a text by which labels and damaged shares are told: of its tokens and their nll."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy
from pandas import DataFrame

from needq.metrics.ngrams import seq_rep

FEATURES = ("nll_mean", "nll_std", "nll_median", "frequency", "rep_1", "rep_2", "rep_4")
SHORTEST = 8  # tokens; shorter texts get no label
LEVELS = (4.0, 7.0)  # nats: tokens that fit badly, and those that do not fit at all
SURE = 0.2  # nats: tokens that could hardly be others


def log_frequencies(texts: Iterable[Sequence[int]], vocabulary: int) -> numpy.ndarray:
    """The log share of each token of the vocabulary in texts, where each counts once more."""
    counts = Counter(token for tokens in texts for token in tokens)
    shares = numpy.array([counts[token] + 1 for token in range(vocabulary)], float)
    return numpy.log(shares / shares.sum())


def features(texts: DataFrame, log_frequency: numpy.ndarray) -> numpy.ndarray:
    """FEATURES [texts, 7] of `texts`, which has `tokens` and their `nlls` (pristine model).

    Mean, standard deviation and median of the nll, the mean log frequency of the tokens in the
    pristine model's texts, and the shares of 1-, 2- and 4-grams that repeat an earlier one.
    """
    return numpy.array(
        [
            [
                numpy.mean(nlls),
                numpy.std(nlls),
                numpy.median(nlls),
                log_frequency[list(tokens)].mean(),
                *(seq_rep(tokens, n) for n in (1, 2, 4)),
            ]
            for tokens, nlls in zip(texts["tokens"], texts["nlls"], strict=True)
        ]
    )


def finer_features(texts: DataFrame, log_frequency: numpy.ndarray) -> numpy.ndarray:
    """`features` and four more [texts, 11], which say how the nll is spread over tokens.

    The shares of tokens with an nll above each of LEVELS and below SURE, and the mean nll where
    that of a token counts for LEVELS[0] at most.
    """
    spread = [
        [
            *((nlls > level).mean() for level in LEVELS),
            (nlls < SURE).mean(),
            numpy.minimum(nlls, LEVELS[0]).mean(),
        ]
        for nlls in map(numpy.asarray, texts["nlls"])
    ]
    return numpy.hstack([features(texts, log_frequency), numpy.array(spread)])
