"""The figure of divergence: identical texts, and how long texts stay identical."""

from matplotlib.figure import Figure
from pandas import DataFrame

from needq.figures import theme
from needq.figures.axes import (
    BLOCK,
    BLOCKS,
    add_cuda,
    draw_line,
    has_single_blocks,
    list_pairs,
    say_range,
    set_labels,
)

IDENTICAL = "identical texts (share)"
COMMON_PREFIX = "common prefix (share of text)\nhigher: texts diverge later"
NO_PAIR = "no pair of different\nbackends was run"


def draw_divergence(summary: DataFrame, cuda: bool) -> Figure:
    """Draw the share of identical texts and of the common prefix, by blocks replaced.

    `summary` is `divergence_summary.tsv`. Each pair of backends has a line.
    """
    pairs = list_pairs(summary[summary["left"] != summary["right"]])
    repeats = summary[summary["left"] == summary["right"]]
    sweeps = sorted(summary["sweep"].unique())
    figure, axes = theme.stack(2, len(sweeps), sharey="row")
    for sweep, column in zip(sweeps, zip(*axes, strict=True), strict=True):
        part = summary[summary["sweep"] == sweep]
        for axis, measure in zip(column, ("identical", "common_prefix_share"), strict=True):
            for index, (left, right) in enumerate(pairs):
                table = part[(part["left"] == left) & (part["right"] == right)]
                draw_line(axis, table, measure, f"{left} and {right}", theme.style(index))
            if not pairs:
                theme.write_message(axis, NO_PAIR)
        same = repeats[repeats["sweep"] == sweep].groupby(
            ["blocks_replaced", "intervention", "block"], as_index=False, dropna=False
        )
        look = {"color": theme.GREY, "linestyle": ":", "linewidth": 2.5}
        lowest = same["identical"].min()
        draw_line(column[0], lowest, "identical", "repeats (lowest)", look, band=False)
        tested = part[part["left"] != part["right"]]
        title = f"Identical texts: {_say_means(tested, 'identical')}"
        set_labels(column[0], sweep, sweeps, title, IDENTICAL)
        title = f"Share of a text before it diverges: {_say_means(tested, 'common_prefix_share')}"
        set_labels(column[1], sweep, sweeps, title, COMMON_PREFIX)
        for axis in column:
            axis.set_ylim(0, 1.05)
            axis.set_xlabel(BLOCK if has_single_blocks(part) else BLOCKS)
            axis.label_outer()
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=2)
    text = "Means over noise seeds and prompts, with 95% intervals. Repeats (the same backend in a "
    text += "second process) must stay at 1."
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _say_means(table: DataFrame, column: str) -> str:
    """The mean share of the texts of each pair of backends, from lowest to highest, in words."""
    weighted = table.assign(part=table[column] * table["texts"]).groupby(["left", "right"])
    means = weighted["part"].sum() / weighted["texts"].sum()
    if means.empty:
        return "nothing to compare"
    words = say_range(means, ".0%")
    return f"{words}, by pair" if " to " in words else words
