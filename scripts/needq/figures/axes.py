"""What figures share: lines with bands, levels, labelled backgrounds, and the x axis of blocks."""

from collections.abc import Sequence

import numpy
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from pandas import DataFrame

from needq.common.keys import ALL_LABELS
from needq.figures import theme

NO_CUDA = "CUDA: not run on this machine."
BLOCKS = "blocks replaced"
BLOCK = "the one block replaced"


def bands(axis: Axes, table: DataFrame) -> dict[str, Patch]:
    """Paint behind each step of one sweep and backend the colour of its commonest label.

    Returns a patch for the legend for each label seen.
    """
    table, places = placed(table)
    edges = numpy.concatenate(
        [[places[0] - 0.5], (places[1:] + places[:-1]) / 2, [places[-1] + 0.5]]
    )
    for label, low, high in zip(table["label"], edges, edges[1:], strict=False):
        axis.axvspan(low, high, color=theme.LABELS[label], alpha=0.17, linewidth=0, zorder=0)
    axis.set_xlim(edges[0], edges[-1])
    axis.grid(axis="x", visible=False)
    return {
        label: Patch(facecolor=theme.LABELS[label], alpha=0.35, label=label)
        for label in ALL_LABELS
        if (table["label"] == label).any()
    }


def placed(table: DataFrame) -> tuple[DataFrame, numpy.ndarray]:
    """The rows of one sweep and backend in the order of the x axis, and their places on it.

    That is the number of blocks replaced; or, where each block is replaced by itself, the block,
    and the pristine model has no place.
    """
    if not single(table):
        table = table.sort_values("blocks_replaced")
        return table, table["blocks_replaced"].to_numpy(float)
    table = table[table["blocks_replaced"] > 0].sort_values("block")
    return table, table["block"].to_numpy(float)


def single(table: DataFrame) -> bool:
    """Whether the rows' steps are single blocks (`needq.plan.interventions`)."""
    return bool(table["block"].notna().any())


def line(
    axis: Axes, table: DataFrame, column: str, label: str, look: dict, band: bool = True
) -> None:
    """A mean by blocks replaced, with its interval as a band where there is one."""
    table, x = placed(table)
    axis.plot(x, table[column], label=label, markeredgewidth=0, **look)
    if band:
        low, high = table[f"{column}_low"], table[f"{column}_high"]
        axis.fill_between(x, low, high, color=look["color"], alpha=0.16, linewidth=0)


def label(axis: Axes, sweep: str, sweeps: Sequence[str], title: str, unit: str) -> None:
    theme.title(axis, title if len(sweeps) == 1 else f"{title}: {sweep}")
    axis.set_ylabel(unit)
    theme.whole_numbers(axis.xaxis)


def level(
    axis: Axes, value: float, label: str, side: str, end: str = "right", color: str = theme.GREY
) -> None:
    """A horizontal line of reference, with its label above or below it, at its left or right."""
    axis.axhline(value, color=color, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axis.annotate(
        label,
        (0.99 if end == "right" else 0.01, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3 if side == "above" else -3),
        textcoords="offset points",
        ha=end,
        va="bottom" if side == "above" else "top",
        fontsize=8,
        color=color,
    )


def note(text: str, cuda: bool) -> str:
    return text if cuda else f"{text} {NO_CUDA}"
