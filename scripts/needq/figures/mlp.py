"""The figure of the MLP beside attention: damage by noise in each, and how much noise changes."""

from collections.abc import Iterator, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from pandas import DataFrame, Series

from needq.common.keys import EQUAL_CHANGE
from needq.common.units import name_replaced
from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, draw_line, has_single_blocks

NOISE = "gaussian"
QUERY = name_replaced("q", NOISE)
LONG = 30  # letters of a name of which no two are beside each other
RISE = "rise of nll (nats\nper token)"


def draw_mlp(damage: DataFrame, changes: DataFrame) -> Figure:
    """Draw the rise of nll by blocks replaced, by single blocks, and the change of outputs.

    `damage` is `mlp.tsv`, `changes` is `output_changes.tsv`; a panel without rows is left out. All
    noise, which costs much more than equal change, has a panel of its own.
    """
    kinds = list(_panels(damage))
    figure, axes = theme.stack(len(kinds) + bool(len(changes)), extra=0.8)
    mixed = list(dict.fromkeys(changes["matrix"])) if len(changes) else []
    names = dict.fromkeys([QUERY, *_names(damage), *(name_replaced(m, NOISE) for m in mixed)])
    looks = {name: theme.style(index) for index, name in enumerate(names)}
    for (axis,), (rows, places) in zip(axes, kinds, strict=False):
        axis.axhline(0, color=theme.INK, linewidth=0.9, zorder=1)
        # a list of one name would be taken for the name of a column
        for name, own in rows.groupby(Series(_names(rows), rows.index), sort=False):
            draw_line(axis, own, "rise", str(name), looks[str(name)])
        _add_title(axis, _describe(rows))
        axis.set_ylabel(RISE)
        axis.set_xlabel(places)
        theme.tick_whole_numbers(axis.xaxis)
    if len(changes):
        _draw_changes(axes[-1][0], changes, looks)
    seeds, documents = damage["noise_seeds"].max(), damage["documents"].max()
    theme.write_footnote(
        figure,
        f"Bands: 95% intervals over {seeds} noise seeds and {documents} documents. Equal change: "
        "the MLP is mixed with so much noise that the output of each block changes as much as by "
        "noise in its W_Q, block by block. Sweeps share their documents and seeds, so ratios are "
        "more certain than the bands suggest; the page has their intervals.",
    )
    return figure


def _panels(damage: DataFrame) -> Iterator[tuple[DataFrame, str]]:
    """The rows of each panel of damage, W_Q beside the MLP, and what is on its x axis."""
    single = damage["sweep"].isin(damage.loc[damage["block"].notna(), "sweep"])
    query, equal = damage["matrix"] == "q", damage["method"] == EQUAL_CHANGE
    for of_steps, places in ((~single, BLOCKS), (single, BLOCK)):
        for of_mlp in (equal, ~query & ~equal):
            if (of_steps & of_mlp).any():
                yield damage[of_steps & (query | of_mlp)], places


def _names(table: DataFrame) -> list[str]:
    """What each row replaces, in words."""
    pairs = zip(table["matrix"], table["method"], strict=True)
    return [name_replaced(matrix, method) for matrix, method in pairs]


def _add_title(axis: Axes, title: str) -> None:
    """Set the title, and put the legend between it and the panel, where it hides no line."""
    names = axis.get_legend_handles_labels()[1]
    columns = 2 if max(map(len, names)) < LONG else 1
    axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=columns, borderpad=0.2)
    theme.set_title(axis, title, pad=8 + 14 * -(-len(names) // columns))


def _describe(damage: DataFrame) -> str:
    """The title of a panel: the ratio of its first sweep at equal change, or else of any sweep."""
    known = damage[damage["ratio"].notna()]
    if known.empty:
        return "Damage by noise in the MLP and in W_Q"
    equal = known[known["method"] == EQUAL_CHANGE]
    shown = known if equal.empty else equal
    first = shown[shown["sweep"] == shown["sweep"].iloc[0]]
    name = _begin(name_replaced(first["matrix"].iloc[0], first["method"].iloc[0]))
    if has_single_blocks(first):
        middle = first["ratio"].median()
        return f"{name}: {middle:.2g} × the damage of W_Q, median of single blocks"
    last = first.sort_values("blocks_replaced").iloc[-1]
    count = f"{last['blocks_replaced']:.0f} blocks"
    return f"{name}: {last['ratio']:.2g} × the damage of W_Q with {count} replaced"


def _begin(words: str) -> str:
    """Words as the beginning of a sentence."""
    return words[0].upper() + words[1:]


def _draw_changes(axis: Axes, changes: DataFrame, looks: Mapping[str, theme.Look]) -> None:
    """Draw how much the output of each block changes, mean over noise seeds."""
    means = changes.groupby(["matrix", "block"], sort=False).mean(numeric_only=True).reset_index()
    by_query = means.drop_duplicates("block")
    lines = [(QUERY, by_query["block"], by_query["change_w_q"])]
    for matrix, own in means.groupby("matrix", sort=False):
        lines.append((name_replaced(str(matrix), NOISE), own["block"], own["change_all_noise"]))
    for name, blocks, values in lines:
        axis.plot(blocks, values, label=name, markeredgewidth=0, **looks[name])
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    first = means[means["matrix"] == means["matrix"].iloc[0]]
    times = (first["change_all_noise"] / first["change_w_q"]).median()
    name = _begin(name_replaced(first["matrix"].iloc[0], NOISE))
    _add_title(axis, f"{name}, changes a block's output {times:.2g} × as much as W_Q (median)")
    axis.set_ylabel("change of the block's\noutput (share of its size)")
    axis.set_xlabel("index of the block")
    theme.tick_whole_numbers(axis.xaxis)
