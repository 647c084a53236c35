"""The figure of survival: which part of the texts has not parted yet, token by token."""

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame
from scipy.stats import CensoredData, ecdf

from needq import theme
from needq.figures import note

CURVES = 4  # numbers of blocks replaced that have one, at most: none, few, half and all


def survival(divergence: DataFrame, summary: DataFrame, cuda: bool) -> Figure:
    """A panel a pair of different backends, in it a curve for some numbers of blocks replaced.

    `divergence` is `divergence.tsv`, `summary` is `divergence_summary.tsv`. Texts that end before
    they part are censored there (Kaplan and Meier 1958).
    """
    counts = summary.set_index(["left", "right", "intervention"])["blocks_replaced"]
    table = divergence[divergence["left"] != divergence["right"]]
    table = table.join(counts, on=["left", "right", "intervention"])
    pairs = list(dict.fromkeys(zip(table["left"], table["right"], strict=True)))
    figure, axes = theme.stack(max(1, len(pairs)))
    if not pairs:
        theme.said(axes[0][0], "no pair of different\nbackends was run")
    for (axis,), (left, right) in zip(axes, pairs, strict=False):
        own = table[(table["left"] == left) & (table["right"] == right)]
        blocks = numpy.unique(own["blocks_replaced"])
        chosen = blocks[numpy.linspace(0, len(blocks) - 1, CURVES).round().astype(int)]
        for index, count in enumerate(numpy.unique(chosen)):
            _curve(axis, own[own["blocks_replaced"] == count], count, theme.style(index))
        same = own["identical"].mean()
        axis.set_title(f"{left} and {right}: {same:.0%} of texts never part")
        axis.set_ylabel("texts not yet parted (share)\nhigher is closer")
        axis.set_ylim(0, 1.03)
    axes[0][0].legend(loc="lower left", title="blocks replaced")
    axes[-1][0].set_xlabel("new tokens generated")
    axes[-1][0].set_xlim(left=0)
    theme.whole_numbers(axes[-1][0].xaxis)
    text = (
        "Kaplan-Meier: texts that end alike count as long as they last. Bands: 95% intervals as if "
        "texts were independent; those of one noise are not, so they are too narrow."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _curve(axis: Axes, texts: DataFrame, count: int, look: dict[str, str]) -> None:
    """The share of some texts that is whole after each token, its band, and where texts end."""
    parted = ~texts["identical"].astype(bool)
    ends = texts.loc[~parted, "tokens"].to_numpy(float)
    places = texts.loc[parted, "first_divergent_token"].to_numpy(float) + 1
    found = ecdf(CensoredData(uncensored=places, right=ends)).sf
    tokens = numpy.concatenate([[0.0], found.quantiles])
    share = numpy.concatenate([[1.0], found.probabilities])
    look = {"color": look["color"], "linestyle": look["linestyle"]}
    axis.step(tokens, share, where="post", label=f"{count:.0f} ({len(texts)} texts)", **look)
    if parted.any():
        band = found.confidence_interval(method="log-log")
        low, high = (numpy.concatenate([[1.0], end.probabilities]) for end in (band.low, band.high))
        look = {"color": look["color"], "alpha": 0.13, "linewidth": 0}
        axis.fill_between(tokens, low, high, step="post", **look)
