"""The figures of divergence, each drawn from tables alone."""

from matplotlib.figure import Figure
from pandas import DataFrame

from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, label, line, note, single
from needq.figures.flips import _pairs

SHARED = "part of the text before they part\nhigher is later"
NO_PAIR = "no pair of different\nbackends was run"


def draw_divergence(summary: DataFrame, cuda: bool) -> Figure:
    """By blocks replaced, for each pair: the share of identical texts, and the tokens shared.

    `summary` is `divergence_summary.tsv`.
    """
    tested = _pairs(summary[summary["left"] != summary["right"]])
    controls = summary[summary["left"] == summary["right"]]
    sweeps = sorted(summary["sweep"].unique())
    figure, axes = theme.stack(2, len(sweeps), sharey="row")
    for sweep, column in zip(sweeps, zip(*axes, strict=True), strict=True):
        part = summary[summary["sweep"] == sweep]
        for axis, measure in zip(column, ("identical", "shared"), strict=True):
            for index, (left, right) in enumerate(tested):
                table = part[(part["left"] == left) & (part["right"] == right)]
                line(axis, table, measure, f"{left} and {right}", theme.style(index))
            if not tested:
                theme.said(axis, NO_PAIR)
        same = controls[controls["sweep"] == sweep].groupby(
            ["blocks_replaced", "intervention", "block"], as_index=False, dropna=False
        )
        look = {"color": theme.GREY, "linestyle": ":", "linewidth": 2.5}
        lowest = same["identical"].min()
        line(column[0], lowest, "identical", "null controls (lowest)", look, band=False)
        label(column[0], sweep, sweeps, "Texts that stay identical", "share of texts")
        label(column[1], sweep, sweeps, "How long they stay the same", SHARED)
        for axis in column:
            axis.set_ylim(0, 1.05)
            axis.set_xlabel(BLOCK if single(part) else BLOCKS)
            axis.label_outer()
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=2)
    text = "Means over noise seeds and prompts with 95% intervals; null controls must stay at 1."
    theme.footnote(figure, note(text, cuda))
    return figure
