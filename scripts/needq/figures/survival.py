"""The figure of survival: which part of the texts has not parted yet, token by token."""

from math import log

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq.figures import theme
from needq.figures.degradation import note
from needq.metrics.statistics import mean_of_crossed

PARTS = (0, 1 / 4, 1 / 2, 1)  # of the blocks replaced: none, few, half and all have a curve


def survival(divergence: DataFrame, summary: DataFrame, cuda: bool) -> Figure:
    """A panel a pair of different backends, in it a curve for some numbers of blocks replaced.

    `divergence` is `divergence.tsv`, `summary` is `divergence_summary.tsv`. Texts that end before
    they part are censored there (Kaplan and Meier 1958).
    """
    counts = summary.set_index(["left", "right", "intervention"])["blocks_replaced"]
    table = divergence[divergence["left"] != divergence["right"]]
    table = table.join(counts, on=["left", "right", "intervention"])
    pairs = list(dict.fromkeys(zip(table["left"], table["right"], strict=True)))
    figure, axes = theme.stack(max(1, len(pairs)), heights=[0.8] * max(1, len(pairs)))
    if not pairs:
        theme.said(axes[0][0], "no pair of different\nbackends was run")
    for (axis,), (left, right) in zip(axes, pairs, strict=False):
        own = table[(table["left"] == left) & (table["right"] == right)]
        blocks = numpy.unique(own["blocks_replaced"])
        chosen = blocks[[round(part * (len(blocks) - 1)) for part in PARTS]]
        for index, count in enumerate(numpy.unique(chosen)):
            _curve(axis, own[own["blocks_replaced"] == count], count, theme.style(index))
        same = own["identical"].mean()
        theme.title(axis, f"{left} and {right}: {same:.0%} of texts stay identical")
        axis.set_ylabel("texts not yet parted\n(share)")
        axis.set_ylim(0, 1.03)
    if pairs:
        handles, names = axes[0][0].get_legend_handles_labels()
        place = {"loc": "outside upper left", "ncols": len(PARTS), "columnspacing": 1.0}
        figure.legend(handles, names, title="blocks replaced", alignment="left", **place)
    axes[-1][0].set_xlabel("new tokens generated")
    axes[-1][0].set_xlim(left=0)
    theme.whole_numbers(axes[-1][0].xaxis)
    text = (
        "Kaplan-Meier: texts that end alike count as long as they last. Bands: 95% intervals over "
        "noise seeds and prompts; none where there is no noise, and none before a text has parted."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _curve(axis: Axes, texts: DataFrame, count: int, look: dict[str, str]) -> None:
    """The share of some texts that is whole after each token, and its band."""
    curve = survival_curve(texts)
    look = {"color": look["color"], "linestyle": look["linestyle"]}
    label = f"{count:.0f} ({len(texts)} texts)"
    axis.step(curve["tokens"], curve["share"], where="post", label=label, **look)
    if curve["low"][1:].notna().any():  # the first, of no tokens, is always 1
        look = {"color": look["color"], "alpha": 0.13, "linewidth": 0}
        axis.fill_between(curve["tokens"], curve["low"], curve["high"], step="post", **look)


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
