"""Parts of several figures: lines with bands, levels, the x axis of blocks."""

from collections.abc import Sequence

import numpy
from matplotlib.axes import Axes
from pandas import DataFrame

from needq.figures import theme

NO_CUDA = "CUDA: not run on this machine."
BLOCKS = "blocks replaced"
BLOCK = "index of the single block replaced"


def sort_by_place(table: DataFrame) -> tuple[DataFrame, numpy.ndarray]:
    """The rows of one sweep and backend in the order of the x axis, and their places on it.

    The place is the number of blocks replaced. Where single blocks are replaced, it is the index of
    the block, and the pristine model is left out.
    """
    if not has_single_blocks(table):
        table = table.sort_values("blocks_replaced")
        return table, table["blocks_replaced"].to_numpy(float)
    table = table[table["blocks_replaced"] > 0].sort_values("block")
    return table, table["block"].to_numpy(float)


def has_single_blocks(table: DataFrame) -> bool:
    """Whether the rows are of a sweep that replaces single blocks."""
    return bool(table["block"].notna().any())


def draw_line(
    axis: Axes, table: DataFrame, column: str, label: str, look: theme.Look, band: bool = True
) -> None:
    """Draw a mean by blocks replaced, and its interval as a band where it has one."""
    table, x = sort_by_place(table)
    axis.plot(x, table[column], label=label, markeredgewidth=0, **look)
    if band:
        low, high = table[f"{column}_low"], table[f"{column}_high"]
        axis.fill_between(x, low, high, color=look["color"], alpha=0.16, linewidth=0)


def set_labels(axis: Axes, sweep: str, sweeps: Sequence[str], title: str, unit: str) -> None:
    """Set a panel's title, with the name of its sweep if there are several, and its y label."""
    theme.set_title(axis, title if len(sweeps) == 1 else f"{title}: {sweep}")
    axis.set_ylabel(unit)
    theme.tick_whole_numbers(axis.xaxis)


def draw_level(
    axis: Axes, value: float, label: str, side: str, end: str = "right", color: str = theme.GREY
) -> None:
    """Draw a horizontal line for reference, with a label above or below its left or right end."""
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


def add_cuda(text: str, cuda: bool) -> str:
    """A footnote which also says if no backend was run on CUDA."""
    return text if cuda else f"{text} {NO_CUDA}"


def list_pairs(table: DataFrame) -> list[tuple[str, str]]:
    """The pairs of backends in a table, in its order."""
    return list(dict.fromkeys(zip(table["left"], table["right"], strict=True)))
