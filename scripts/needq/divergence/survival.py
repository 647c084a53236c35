"""Survival: the share of texts that have not diverged yet, token by token."""

from math import log

import numpy
from pandas import DataFrame, Series

from needq.metrics.statistics import mean_of_crossed


def survival_curve(texts: DataFrame) -> DataFrame:
    """The `share` of texts that have not diverged after each number of `tokens`: `low`, `high`.

    `texts` are rows of `divergence.tsv`. The share is the estimate of Kaplan and Meier (1958): S,
    the product of 1 - d / n over tokens, where d of the n texts that are this long diverge.

    The 95% interval from `low` to `high` is that of log(-log S) by the delta method. Each text
    contributes to log S a sum over tokens: -1 / (n - d) at the token where it diverges, and
    d / (n (n - d)) at each token that it reaches. These contributions are averaged for each noise
    seed and prompt, both of which are random (`statistics.mean_of_crossed`). There is no interval
    with fewer than two noise seeds, or where no text or every text has diverged.
    """
    diverged = ~texts["identical"].astype(bool)
    last = texts["tokens"].where(~diverged, texts["first_divergent_token"] + 1).to_numpy(int)
    tokens = numpy.unique(last)
    diverges = ((last[:, None] == tokens) & diverged.to_numpy()[:, None]).astype(float)
    reaches = (last[:, None] >= tokens).astype(float)
    d, n = diverges.sum(0), reaches.sum(0)
    cells = [texts["noise_seed"].fillna(-1).to_numpy(), texts["prompt"].to_numpy()]
    rows = [(0, 1.0, 1.0, 1.0)]
    for place, token in enumerate(tokens):
        upto = slice(place + 1)
        share = float(numpy.prod(1 - d[upto] / n[upto]))
        if not 0 < share < 1:
            rows.append((token, share, numpy.nan, numpy.nan))
            continue
        whole = n[upto] - d[upto]
        contributions = (reaches[:, upto] * d[upto] / n[upto] - diverges[:, upto]) / whole
        # the sum over all texts, written as a mean
        changes = Series(contributions.sum(1) * len(texts)).groupby(cells).mean().unstack()
        estimate = mean_of_crossed(changes.to_numpy() / log(share))
        # a larger log(-log share) is a smaller share
        off = numpy.array([estimate.high, estimate.low]) - estimate.mean
        rows.append((token, share, *numpy.exp(-numpy.exp(log(-log(share)) + off))))
    return DataFrame(rows, columns=["tokens", "share", "low", "high"])
