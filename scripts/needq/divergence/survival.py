"""Survival: the share of texts that have not diverged yet, token by token."""

from math import log

import numpy
from pandas import DataFrame, Series

from needq.metrics.statistics import mean_of_crossed


def survival_curve(texts: DataFrame) -> DataFrame:
    """The `share` of texts that is whole after so many `tokens`, with its interval: `low`, `high`.

    `texts` are rows of `divergence.tsv`. Kaplan and Meier (1958): S, the product of 1 - d / n over
    tokens, where of n texts that have come so far d part. The interval is that of log(-log S) by
    the delta method. What each text adds to log S is a sum over tokens of -1 / (n - d) where it
    parts and d / (n (n - d)) where it has come so far; averaged for each noise seed and prompt,
    both of which are random (`statistics.mean_of_crossed`). It is missing with one noise seed or
    none, and where no text or every text has parted.
    """
    parted = ~texts["identical"].astype(bool)
    last = texts["tokens"].where(~parted, texts["first_divergent_token"] + 1).to_numpy(int)
    tokens = numpy.unique(last)
    parts = ((last[:, None] == tokens) & parted.to_numpy()[:, None]).astype(float)
    comes = (last[:, None] >= tokens).astype(float)
    d, n = parts.sum(0), comes.sum(0)
    cells = [texts["noise_seed"].fillna(-1).to_numpy(), texts["prompt"].to_numpy()]
    rows = [(0, 1.0, 1.0, 1.0)]
    for place, token in enumerate(tokens):
        upto = slice(place + 1)
        share = float(numpy.prod(1 - d[upto] / n[upto]))
        if not 0 < share < 1:
            rows.append((token, share, numpy.nan, numpy.nan))
            continue
        left = n[upto] - d[upto]
        adds = (comes[:, upto] * d[upto] / n[upto] - parts[:, upto]) / left
        # the sum over all texts, seen as a mean
        changes = Series(adds.sum(1) * len(texts)).groupby(cells).mean().unstack()
        found = mean_of_crossed(changes.to_numpy() / log(share))
        # a larger log(-log share) is a smaller share
        off = numpy.array([found.high, found.low]) - found.mean
        rows.append((token, share, *numpy.exp(-numpy.exp(log(-log(share)) + off))))
    return DataFrame(rows, columns=["tokens", "share", "low", "high"])
