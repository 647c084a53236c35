"""The figure of survival: the share of texts that have not diverged yet, token by token."""

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.divergence.survival import survival_curve
from needq.figures import theme
from needq.figures.axes import add_cuda

SHOWN = (0, 1 / 4, 1 / 2, 1)  # the numbers of blocks with a curve, as shares of the largest


def draw_survival(divergence: DataFrame, summary: DataFrame, cuda: bool) -> Figure:
    """Draw one panel per pair of different backends, with curves for some numbers of blocks.

    `divergence` is `divergence.tsv`, `summary` is `divergence_summary.tsv`. Texts that end before
    they diverge are censored at their end (Kaplan and Meier 1958).
    """
    counts = summary.set_index(["left", "right", "intervention"])["blocks_replaced"]
    table = divergence[divergence["left"] != divergence["right"]]
    table = table.join(counts, on=["left", "right", "intervention"])
    pairs = list(dict.fromkeys(zip(table["left"], table["right"], strict=True)))
    figure, axes = theme.stack(max(1, len(pairs)), heights=[0.8] * max(1, len(pairs)), extra=0.8)
    if not pairs:
        theme.write_message(axes[0][0], "no pair of different\nbackends was run")
    for (axis,), (left, right) in zip(axes, pairs, strict=False):
        own = table[(table["left"] == left) & (table["right"] == right)]
        blocks = numpy.unique(own["blocks_replaced"])
        chosen = blocks[[round(share * (len(blocks) - 1)) for share in SHOWN]]
        for index, count in enumerate(numpy.unique(chosen)):
            _curve(axis, own[own["blocks_replaced"] == count], count, theme.style(index))
        identical = own["identical"].mean()
        theme.set_title(axis, f"{left} and {right}: {identical:.0%} of texts stay identical")
        axis.set_ylabel("texts that have not\ndiverged (share)")
        axis.set_ylim(0, 1.03)
    if pairs:
        handles, names = axes[0][0].get_legend_handles_labels()
        place: theme.Look = {"loc": "outside upper left", "ncols": len(SHOWN)}
        place |= {"title": "blocks replaced", "alignment": "left", "columnspacing": 1.0}
        figure.legend(handles, names, **place)
    axes[-1][0].set_xlabel("new tokens generated")
    axes[-1][0].set_xlim(left=0)
    theme.tick_whole_numbers(axes[-1][0].xaxis)
    text = (
        "Kaplan-Meier estimate: a text that ends before it diverges counts up to its end. Bands: "
        "95% intervals over noise seeds and prompts. There is no band without noise, and none "
        "before the first text diverges."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _curve(axis: Axes, texts: DataFrame, count: int, look: theme.Look) -> None:
    """Draw the share of texts that have not diverged after each token, and its band."""
    curve = survival_curve(texts)
    line: theme.Look = {"color": look["color"], "linestyle": look["linestyle"]}
    label = f"{count:.0f} ({len(texts)} texts)"
    axis.step(curve["tokens"], curve["share"], where="post", label=label, **line)
    if curve["low"][1:].notna().any():  # the first, of no tokens, is always 1
        band: theme.Look = {"color": look["color"], "alpha": 0.13, "linewidth": 0}
        axis.fill_between(curve["tokens"], curve["low"], curve["high"], step="post", **band)
