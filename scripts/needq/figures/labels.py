"""The figure of labels: what kind of text the model writes, here and in the article."""

from itertools import groupby

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import ALL_LABELS, LABELS, UNLABELLED
from needq.common.label_colours import LABEL_COLOURS
from needq.figures import theme
from needq.figures.axes import (
    BLOCK,
    BLOCKS,
    add_cuda,
    draw_line,
    has_single_blocks,
    sort_by_place,
)
from needq.metrics.labels import article_bands

FEW_RUNS = 4  # more changes of the label make a title too long


def draw_labels(shares: DataFrame, degradation: DataFrame, blocks: int, cuda: bool) -> Figure:
    """Draw the labels of the article, the share of texts with each label, and the rise of nll.

    `shares` are rows of `labels.tsv`, `degradation` of `degradation.tsv`, both of one backend and
    sweep. `blocks` is the number of blocks of the model.
    """
    figure, axes = theme.stack(3, heights=[0.28, 1.3, 0.9])
    article, texts, rise = (row[0] for row in axes)
    if has_single_blocks(degradation):
        article.set_axis_off()
    else:
        _article(article, blocks)
    _stacked(texts, shares)
    theme.set_title(texts, _runs(degradation))
    draw_line(rise, degradation, "rise", "rise", theme.style(0) | {"color": "#333333"})
    rise.axhline(0, color=theme.INK, linewidth=0.9, zorder=1)
    rise.margins(y=0.15)
    last = sort_by_place(degradation)[0].iloc[-1]["rise"]
    theme.set_title(rise, f"Loss on the evaluation text: {last:+.2g} over the pristine model")
    rise.set_ylabel("rise of nll (nats per token)\nlower is better")
    rise.set_xlabel(BLOCK if has_single_blocks(degradation) else BLOCKS)
    theme.tick_whole_numbers(rise.xaxis)
    seeds, count = degradation["noise_seeds"].max(), degradation["texts"].max()
    text = (
        f"Sweep {degradation['sweep'].iloc[0]}, backend {degradation['backend'].iloc[0]}: {seeds} "
        f"noise seeds, up to {count} texts per bar. Black: 95% interval of the share of near "
        "normal. Grey: 95% interval of the rise. The article's ranges are for 12 blocks; here they "
        "are quarters of the blocks of the model."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _article(axis: Axes, blocks: int) -> None:
    """Draw the ranges of the article as a strip, each with the colour and name of its label."""
    axis.set_title("What the article says about the texts")
    for label, (first, last) in article_bands(blocks).items():
        if first <= last:
            axis.barh(0, last - first + 1, left=first - 0.5, color=theme.LABELS[label], height=1)
            middle, ink = (first + last) / 2, LABEL_COLOURS[label].ink
            axis.text(middle, 0, label, ha="center", va="center", color=ink, fontsize=8)
    axis.set_ylim(-0.5, 0.5)
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.tick_params(bottom=False, labelbottom=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _stacked(axis: Axes, shares: DataFrame) -> None:
    """Draw the shares of labels as stacked bars, and the interval of near normal, the lowest."""
    present = [label for label in ALL_LABELS if shares.loc[shares["label"] == label, "share"].any()]
    bottom = 0.0
    for label in present:
        table, x = sort_by_place(shares[shares["label"] == label])
        height = table["share"].to_numpy(float)
        width = 0.86 * numpy.diff(x).min() if len(x) > 1 else 0.86
        look: theme.Look = {"color": theme.LABELS[label], "edgecolor": "white", "linewidth": 0.6}
        if label == UNLABELLED:
            look |= {"edgecolor": "#9a9a9a", "hatch": "////"}
        axis.bar(x, height, width, bottom=bottom, label=label, **look)
        if label == LABELS[0]:
            ends = numpy.abs([height - table["share_low"], table["share_high"] - height])
            axis.errorbar(x, height, ends, fmt="none", ecolor="black", elinewidth=1, capsize=2)
        bottom = bottom + height
    axis.set_ylim(0, 1)
    axis.set_ylabel("share of texts")
    axis.grid(axis="x", visible=False)
    place: theme.Look = {
        "loc": "upper left",
        "bbox_to_anchor": (-0.02, -0.03),
        "ncols": min(len(present), 3),
    }
    axis.legend(**place, handlelength=1, handletextpad=0.4, columnspacing=0.9)


def _runs(degradation: DataFrame) -> str:
    """The most frequent label, and with how many blocks replaced."""
    table, places = sort_by_place(degradation)
    runs: list[str] = []
    for label, run in groupby(zip(table["label"], places, strict=True), key=lambda step: step[0]):
        at = [f"{place:.0f}" for _, place in run]
        blocks = at[0] if len(at) == 1 else f"{at[0]}-{at[-1]}"
        runs.append(f"{label} ({blocks}{'' if runs else ' blocks'})")
    if len(runs) > FEW_RUNS:
        return "The most frequent label changes back and forth"
    return "Most frequent label: " + ", ".join(runs)
