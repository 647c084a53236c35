"""The figure of labels: what the texts become, beside what the article says they do."""

from itertools import groupby

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import ALL_LABELS, LABELS, UNLABELLED
from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, level, line, note, placed, single
from needq.metrics.labels import article_bands

FEW_RUNS = 4  # a title that tells more turns is read by nobody


def draw_labels(shares: DataFrame, degradation: DataFrame, blocks: int, cuda: bool) -> Figure:
    """What share of the texts has which label and, on the same axis, the nll.

    `shares` are rows of `labels.tsv`, `degradation` of `degradation.tsv`, both of one backend and
    sweep; `blocks` is how many the model has. Above stands what the article says.
    """
    figure, axes = theme.stack(3, heights=[0.28, 1.3, 0.9])
    article, texts, nll = (row[0] for row in axes)
    if single(degradation):
        article.set_axis_off()
    else:
        _article(article, blocks)
    _stacked(texts, shares)
    theme.title(texts, _runs(degradation))
    line(nll, degradation, "nll", "nll", theme.style(0) | {"color": "#333333"})
    pristine = degradation.loc[degradation["blocks_replaced"] == 0, "nll"].iloc[0]
    level(nll, pristine, "pristine model", "below")
    nll.margins(y=0.15)
    last = placed(degradation)[0].iloc[-1]["nll"]
    nll.set_title(f"Evaluation text: nll from {pristine:.2g} to {last:.2g}")
    nll.set_ylabel("nll (nats per token)\nlower is better")
    nll.set_xlabel(BLOCK if single(degradation) else BLOCKS)
    theme.whole_numbers(nll.xaxis)
    seeds, count = degradation["noise_seeds"].max(), degradation["texts"].max()
    text = (
        f"Sweep {degradation['sweep'].iloc[0]}, backend {degradation['backend'].iloc[0]}: {seeds} "
        f"noise seeds, up to {count} texts a bar. Black: 95% interval of near normal; shaded: of "
        "nll. The article names 12 blocks; its ranges are taken as quarters of the model."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _article(axis: Axes, blocks: int) -> None:
    """The article's ranges as a strip, each in the colour and with the name of its label."""
    axis.set_title("What the article says")
    for label, (first, last) in article_bands(blocks).items():
        if first <= last:
            axis.barh(0, last - first + 1, left=first - 0.5, color=theme.LABELS[label], height=1)
            middle, ink = (first + last) / 2, _ink(label)
            axis.text(middle, 0, label, ha="center", va="center", color=ink, fontsize=8.5)
    axis.set_ylim(-0.5, 0.5)
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.tick_params(bottom=False, labelbottom=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _stacked(axis: Axes, shares: DataFrame) -> None:
    """Stacked bars of the labels' shares, and the interval of near normal, the lowest."""
    seen = [label for label in ALL_LABELS if shares.loc[shares["label"] == label, "share"].any()]
    bottom = 0.0
    for label in seen:
        table, x = placed(shares[shares["label"] == label])
        height = table["share"].to_numpy(float)
        width = 0.86 * numpy.diff(x).min() if len(x) > 1 else 0.86
        look = {"color": theme.LABELS[label], "edgecolor": "white", "linewidth": 0.6}
        if label == UNLABELLED:
            look |= {"edgecolor": "#9a9a9a", "hatch": "////"}
        axis.bar(x, height, width, bottom=bottom, label=label, **look)
        if label == LABELS[0]:
            ends = numpy.abs([height - table["share_low"], table["share_high"] - height])
            axis.errorbar(x, height, ends, fmt="none", ecolor="black", elinewidth=1, capsize=2)
        bottom = bottom + height
    axis.set_ylim(0, 1)
    axis.set_ylabel("share of texts here")
    axis.grid(axis="x", visible=False)
    place = {"loc": "upper left", "bbox_to_anchor": (-0.02, -0.03), "ncols": len(seen)}
    # narrow, so that all five fit
    axis.legend(**place, handlelength=1, handletextpad=0.4, columnspacing=0.9)


def _runs(degradation: DataFrame) -> str:
    """The commonest label, from how many blocks to how many."""
    table, places = placed(degradation)
    runs = []
    for label, run in groupby(zip(table["label"], places, strict=True), key=lambda one: one[0]):
        at = [f"{place:.0f}" for _, place in run]
        blocks = at[0] if len(at) == 1 else f"{at[0]}-{at[-1]}"
        runs.append(f"{label} ({blocks}{'' if runs else ' blocks'})")
    if len(runs) > FEW_RUNS:
        return "The commonest label changes to and fro"
    return "Commonest label: " + ", ".join(runs)


def _ink(label: str) -> str:
    """A colour of letters that can be read on a label's."""
    return "white" if label in (LABELS[0], LABELS[-1]) else "black"
