"""The figure of survival: which part of the texts has not parted yet, token by token."""

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.divergence.survival import survival_curve
from needq.figures import theme
from needq.figures.axes import note

PARTS = (0, 1 / 4, 1 / 2, 1)  # of the blocks replaced: none, few, half and all have a curve


def draw_survival(divergence: DataFrame, summary: DataFrame, cuda: bool) -> Figure:
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
