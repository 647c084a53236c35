"""The figure of units: a map of the damage by each, and the units whose damage is largest."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame, Series

from needq.common.unit_columns import RELIABLE, SPARE, WEAK
from needq.common.units import KINDS, name_sweep, name_unit
from needq.figures import theme
from needq.plan.interventions import DIMENSIONS, HEADS

SHOWN = 10  # units below the map
COLOURS = "RdBu_r"  # blue, white, red: different for colour-blind readers too
COLUMNS = {HEADS: "head", DIMENSIONS: "group"}  # that say where a unit is in its block
HEIGHT = 2.8  # inches of a panel
RISE = "rise of nll (nats per token)"


def draw_units(units: DataFrame, reliability: DataFrame) -> Figure:
    """Draw two panels for each sweep of heads or of groups of dimensions.

    `units` is `units.tsv`, `reliability` is `unit_reliability.tsv`. Above: the rise of nll by each
    unit, by block. Below: the units with the largest rise, with intervals.
    """
    sweeps = reliability[reliability["steps"].isin(list(COLUMNS))]
    theme.apply()
    figure = Figure(figsize=(theme.STACK[0], 2 * HEIGHT * len(sweeps) + 0.5))
    axes = figure.subplots(2 * len(sweeps), 1, squeeze=False)[:, 0]
    for above, below, (_, sweep) in zip(axes[::2], axes[1::2], sweeps.iterrows(), strict=True):
        own = units[units["sweep"] == sweep["sweep"]]
        _draw_map(figure, above, own, sweep)
        _draw_highest(below, own)
    seeds, documents = sweeps["noise_seeds"].max(), sweeps["documents"].max()
    theme.write_footnote(
        figure,
        "Each unit is replaced by itself. Red: the model predicts worse without it. Framed: a weak "
        "point, reliably among the tenth with the largest rise. Small cross: reliably among the "
        f"tenth with the smallest. Below: the units with the largest rise, with 95% intervals over "
        f"{seeds} noise seeds and {documents} documents; filled: weak points.",
    )
    return figure


def _draw_map(figure: Figure, axis: Axes, units: DataFrame, sweep: Series) -> None:
    """Draw the rise by block and head or group, and mark units whose rank is reliable."""
    column = COLUMNS[sweep["steps"]]
    values = units.pivot(index=column, columns="block", values="rise").sort_index()
    largest = units["rise"].abs().max() or 1
    # not imshow, which an SVG holds as a picture
    mesh = axis.pcolormesh(
        values.columns.to_numpy(float),
        values.index.to_numpy(float),
        values.to_numpy(float),
        cmap=COLOURS,
        vmin=-largest,
        vmax=largest,
        edgecolors="white",
        linewidth=0.5,
        shading="nearest",
    )
    for _, unit in units.iterrows():
        x, y = float(unit["block"]), float(unit[column])
        if unit["verdict"] == WEAK:
            axis.add_patch(
                Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, ec="black", lw=1.6)
            )
        elif unit["verdict"] == SPARE:
            axis.plot(x, y, marker="x", color=theme.INK, markersize=3.5, markeredgewidth=0.9)
    axis.grid(visible=False)
    axis.invert_yaxis()
    axis.set_xlabel("index of the block")
    axis.set_ylabel(f"index of the {KINDS[sweep['steps']]}")
    theme.tick_whole_numbers(axis.xaxis)
    theme.tick_whole_numbers(axis.yaxis)
    theme.set_title(axis, f"{name_sweep(sweep['matrix'], sweep['steps'])}: {_finding(sweep)}")
    bar = figure.colorbar(mesh, ax=axis, pad=0.015)
    bar.set_label(RISE)
    bar.outline.set_visible(False)


def _finding(sweep: Series) -> str:
    """Whether the ranking is reliable, in the title's words."""
    if sweep["verdict"] != RELIABLE:
        return "no reliable rank"
    count = int(sweep["weak_points"])
    if not count:
        return "no single weak point"
    return f"{count} weak point{'s' if count > 1 else ''}"


def _draw_highest(axis: Axes, units: DataFrame) -> None:
    """Draw the units with the largest rise, and their intervals."""
    rows = units.sort_values("rank", kind="stable").head(SHOWN)
    axis.axvline(0, color=theme.INK, linewidth=0.9, zorder=1)
    for place, (_, unit) in enumerate(rows.iterrows()):
        weak = unit["verdict"] == WEAK
        axis.plot(
            [unit["rise_low"], unit["rise_high"]], [place, place], color=theme.COLOURS[0], lw=1.4
        )
        axis.plot(
            unit["rise"],
            place,
            marker="o",
            color=theme.COLOURS[0],
            markerfacecolor=theme.COLOURS[0] if weak else "white",
        )
    axis.set_yticks(
        range(len(rows)),
        [name_unit(*place) for place in rows[["block", "head", "group"]].to_numpy(float)],
    )
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.xaxis.set_major_locator(MaxNLocator(4))  # small numbers are long
    axis.set_xlabel(RISE)
    axis.grid(visible=False, axis="y")
    theme.set_title(axis, "The largest rises")
