"""Parts of several figures: lines with bands, levels, the x axis of blocks."""

from collections.abc import Iterable, Sequence

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


def has_gaps(table: DataFrame) -> bool:
    """Whether a sweep skips numbers of blocks: nothing was measured between its dots."""
    return bool((numpy.diff(sort_by_place(table)[1]) > 1).any())


def draw_line(
    axis: Axes,
    table: DataFrame,
    column: str,
    label: str,
    look: theme.Look,
    band: bool = True,
    shift: float = 0,
    gaps: bool | None = None,
) -> None:
    """Draw a mean by blocks replaced, and its interval where it has one.

    A sweep of all numbers of blocks has a line and a band; one with gaps has dots and error bars,
    `shift` to the right, so that those of several sweeps stand side by side. `gaps` says which, if
    `table` has some rows of the sweep alone.
    """
    gaps = has_gaps(table) if gaps is None else gaps
    table, x = sort_by_place(table)
    means = table[column].to_numpy(float)
    if not gaps:
        axis.plot(x, means, label=label, markeredgewidth=0, **look)
    else:
        x = x + shift
        axis.plot(x, means, label=label, markeredgewidth=0, **(look | {"linestyle": "none"}))
    if not band:
        return
    low, high = (table[f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
    if not gaps:
        axis.fill_between(x, low, high, color=look["color"], alpha=0.16, linewidth=0)
        return
    ends = numpy.nan_to_num(numpy.maximum([means - low, high - means], 0))
    axis.errorbar(x, means, ends, fmt="none", ecolor=look["color"], elinewidth=1.2, capsize=2)


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


def say_range(values: Iterable[float], form: str) -> str:
    """The least and the largest value in words, such as `0.40 to 0.53`; one if they look alike."""
    found = list(values)
    return " to ".join(dict.fromkeys(format(end, form) for end in (min(found), max(found))))


def add_cuda(text: str, cuda: bool) -> str:
    """A footnote which also says if no backend was run on CUDA."""
    return text if cuda else f"{text} {NO_CUDA}"


def list_pairs(table: DataFrame) -> list[tuple[str, str]]:
    """The pairs of backends in a table, in its order."""
    return list(dict.fromkeys(zip(table["left"], table["right"], strict=True)))
