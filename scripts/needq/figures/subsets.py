"""The figure of block subsets: what each block adds, which blocks matter, and which pairs."""

import textwrap

import numpy
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq.figures import theme

UNIT = "rise of nll (nats per token)"
BLOCK = "index of the block"
# below 0, nothing, above 0: blue, white and orange are told apart by colour-blind readers too
COLOURS = LinearSegmentedColormap.from_list(
    "interaction", [theme.COLOURS[0], "#ffffff", theme.COLOURS[3]]
)


def draw_subsets(shapley: DataFrame, interactions: DataFrame, sizes: DataFrame) -> Figure:
    """Draw the Shapley values, the damage by number of blocks, and the map of interactions.

    The tables are `shapley.tsv`, `interactions.tsv` and `subset_sizes.tsv`. Without interactions,
    the map is left out.
    """
    figure, axes = theme.panels(2 if interactions.empty else 3, 1)
    figure.set_figwidth(theme.STACK[0])
    values, envelope, *maps = (row[0] for row in axes)
    _draw_values(values, shapley)
    _draw_envelope(envelope, sizes)
    text = "Intervals (95%) are over noise seeds and documents."
    if maps:
        _draw_map(figure, maps[0], interactions, len(shapley))
        text += (
            " Interaction: the rise by both blocks less that by each; a dot marks a pair whose "
            "interval contains 0."
        )
    theme.write_footnote(figure, text)
    return figure


def _draw_values(axis: Axes, shapley: DataFrame) -> None:
    """What each block adds, over all orders and alone, each with its interval."""
    named = (("shapley", "over all orders (Shapley)"), ("alone", "alone"))
    for index, (name, label) in enumerate(named):
        look = theme.style(index) | {"linestyle": "none"}
        lengths = _lengths(shapley, name)
        shift = 0.24 * (index - 0.5)
        axis.errorbar(
            shapley["block"] + shift, shapley[name], lengths, label=label, elinewidth=1.2, **look
        )
    axis.axhline(0, color=theme.GREY, linewidth=0.9)
    together, alone = shapley["shapley"].sum(), shapley["alone"].sum()
    theme.set_title(axis, f"Alone, blocks cost {alone:.2f} nats in sum; together {together:.2f}")
    axis.set_ylabel(UNIT)
    axis.set_xlabel(BLOCK)
    theme.tick_whole_numbers(axis.xaxis)
    _add_legend(axis, 0.3)


def _draw_envelope(axis: Axes, sizes: DataFrame) -> None:
    """The damage by number of blocks: mean over subsets, the article's order, least and most."""
    counts = sizes["blocks_replaced"]
    if sizes["most"].notna().any():
        axis.fill_between(counts, sizes["least"], sizes["most"], color="#e8e8e8", linewidth=0)
        axis.plot(counts, sizes["most"], color=theme.GREY, label="most damaging subset")
    named = (("in_order", "first blocks (article)", 1), ("mean", "mean of all subsets", 0))
    for name, label, index in named:
        look = theme.style(index)
        axis.plot(counts, sizes[name], label=label, markeredgewidth=0, **look)
        ends = sizes[f"{name}_low"], sizes[f"{name}_high"]
        axis.fill_between(counts, *ends, color=look["color"], alpha=0.16, linewidth=0)
    if sizes["least"].notna().any():
        axis.plot(counts, sizes["least"], color=theme.GREY, linestyle=":", label="least damaging")
    theme.set_title(axis, _describe_sizes(sizes))
    axis.set_ylabel(UNIT)
    axis.set_xlabel("blocks replaced")
    theme.tick_whole_numbers(axis.xaxis)
    _add_legend(axis, 0.5)


def _add_legend(axis: Axes, share: float) -> None:
    """Add a legend above the data, in room of this share of their height."""
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + share * (high - low))
    axis.legend(loc="upper left")


def _describe_sizes(sizes: DataFrame) -> str:
    """How much depends on which blocks are replaced, at half of them, in the title's words."""
    half = half_row(sizes)
    count = f"{half['blocks_replaced']:.0f} blocks"
    if numpy.isnan(half["most"]):
        return f"{count} cost {half['mean']:.2f} on average, {half['in_order']:.2f} from the first"
    return f"{count} cost {half['least']:.2f} to {half['most']:.2f}: it depends on which"


def half_row(sizes: DataFrame) -> Series:
    """The row of half of the blocks."""
    return sizes.iloc[len(sizes) // 2 - (len(sizes) > 1)]


def _draw_map(figure: Figure, axis: Axes, interactions: DataFrame, n_blocks: int) -> None:
    """The interaction of each pair of blocks as a colour."""
    table = numpy.full((n_blocks, n_blocks), numpy.nan)
    unsure = []
    for _, row in interactions.iterrows():
        pair = int(row["block"]), int(row["other_block"])
        table[pair] = table[pair[::-1]] = row["interaction"]
        if not (row["interaction_low"] > 0 or row["interaction_high"] < 0):
            unsure += [pair, pair[::-1]]
    most = numpy.nanmax(numpy.abs(table)) or 1
    axis.set_facecolor("#d2d2d2")
    edges = numpy.arange(n_blocks + 1) - 0.5
    mesh = axis.pcolormesh(edges, edges, table, cmap=COLOURS, vmin=-most, vmax=most)
    if unsure:
        across, up = zip(*unsure, strict=True)
        axis.scatter(across, up, s=3, color=theme.GREY, linewidths=0)
    bar = figure.colorbar(mesh, ax=axis, label="interaction (nats per token)")
    bar.outline.set_visible(False)
    axis.set_title(textwrap.fill(_describe_map(interactions), 36))  # a square, so less wide
    axis.set_aspect("equal")
    axis.grid(False)
    axis.set_xlabel(BLOCK)
    axis.set_ylabel("index of the other block")
    theme.tick_whole_numbers(axis.xaxis)
    theme.tick_whole_numbers(axis.yaxis)


def _describe_map(interactions: DataFrame) -> str:
    """How many pairs cost more together than their sum, in the title's words."""
    above = int((interactions["interaction_low"] > 0).sum())
    below = int((interactions["interaction_high"] < 0).sum())
    pairs = len(interactions)
    return f"Of {pairs} pairs, {above} cost more together than their sum, {below} less"


def _lengths(table: DataFrame, name: str) -> list[Series] | None:
    """The lengths of the error bars of a column; None if it has no intervals."""
    low, high = table[f"{name}_low"], table[f"{name}_high"]
    return None if low.isna().all() else [table[name] - low, high - table[name]]
