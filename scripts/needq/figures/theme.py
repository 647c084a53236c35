"""The look that all figures share, and how they are saved: the same bytes on every run."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator

from needq.common.files import temporary
from needq.common.label_colours import LABEL_COLOURS

# seaborn's palette "colorblind", whose colours are different for colour-blind readers too
COLOURS: tuple[str, ...] = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc")
COLOURS += ("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9")
GREY = "#6b6b6b"
INK = "#333333"  # of small print
RUST = "#a83f00"  # what is to be seen first: letters in it can be read on white
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
LABELS = {label: colours.paper for label, colours in LABEL_COLOURS.items()}
Panels = Any  # a table of axes: rows x columns
Look = dict[str, Any]  # how a thing is drawn: keyword arguments of matplotlib
PANEL = (3.7, 3.1)  # inches: width and height of a panel
STACK = (4.8, 2.4)  # inches, of a panel in a stack: readable at a width of 400 pixels too
# the look of seaborn's style "whitegrid", without seaborn, which takes a second to import
RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
    "font.size": 9.6,
    "text.color": ".15",
    "axes.labelcolor": ".15",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.linewidth": 1.0,
    "axes.prop_cycle": cycler(color=COLOURS),
    "xtick.color": ".15",
    "ytick.color": ".15",
    "xtick.bottom": False,
    "ytick.left": False,
    "xtick.major.size": 4.8,
    "ytick.major.size": 4.8,
    "xtick.minor.size": 3.2,
    "ytick.minor.size": 3.2,
    "legend.title_fontsize": 9.6,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "figure.titlesize": 11,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.06,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.edgecolor": "#9a9a9a",
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "svg.fonttype": "path",  # letters as shapes: the page needs no font
    "svg.hashsalt": "needq",  # without it, ids, and so bytes, differ from run to run
    "savefig.dpi": 110,
}
SVG_METADATA = {"Date": None, "Creator": None}  # neither date nor version


def apply() -> None:
    """Use this theme for all figures that are made from now on."""
    rcParams.update(RC)


def style(index: int) -> Look:
    """The colour, marker and dash of the index-th line: each alone identifies the line."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def panels(rows: int, columns: int, widths: Sequence[float] | None = None) -> tuple[Figure, Panels]:
    """A figure of rows x columns panels, and its axes as a list of lists.

    `widths` are those of the columns relative to each other.
    """
    apply()
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows + 0.35))
    return figure, figure.subplots(rows, columns, squeeze=False, width_ratios=widths)


def stack(
    rows: int,
    columns: int = 1,
    heights: Sequence[float] | None = None,
    sharey: Literal["row", False] = False,
    extra: float = 0,
) -> tuple[Figure, Panels]:
    """Panels above each other; those of a column share their x axis.

    `heights` are those of the rows, in units of STACK's; `extra` inches are for a legend above.
    """
    apply()
    heights = heights or [1] * rows
    width = STACK[0] if columns == 1 else PANEL[0] * columns
    figure = Figure(figsize=(width, STACK[1] * sum(heights) + 0.5 + extra))
    return figure, figure.subplots(
        rows, columns, sharex="col", sharey=sharey, squeeze=False, height_ratios=heights
    )


def set_title(axis: Axes, text: str, pad: float | None = None) -> None:
    """Set a panel's title, in as many lines as it needs, `pad` points above the panel."""
    place: Any = axis.get_subplotspec()
    grid = place.get_gridspec()
    ratios: Sequence[float] = grid.get_width_ratios() or [1] * grid.ncols
    share = ratios[place.colspan.start] / sum(ratios)
    figure: Any = axis.figure
    letters = int(10 * share * figure.get_figwidth()) - 3  # bold: 10 letters per inch
    axis.set_title(textwrap.fill(text, letters), pad=pad)


def write_message(axis: Axes, text: str) -> None:
    """Write words into the middle of a panel that has nothing to show."""
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center")


def tick_whole_numbers(axis: Axis) -> None:
    """Set ticks at whole numbers only, for an axis that counts."""
    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def write_footnote(figure: Figure, text: str) -> None:
    """Write small print under all panels, in as many lines as it needs."""
    lines = textwrap.fill(text, int(14 * figure.get_figwidth()))  # 14 letters per inch
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=8.5, color=INK)


def fix_layout(figure: Figure) -> None:
    """Compute the layout of a figure, once for all files that are made from it.

    The solver of the layout adds up in the order of memory addresses, so positions differ in the
    last bits from run to run, and so do the ids in an SVG, which are made from them. So positions
    are rounded.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axis in figure.axes:
        low, high = axis.get_position(original=True).get_points().round(6)  # in figure widths
        axis.set_position((*low, *(high - low).round(6)), which="original")


def svg_text(figure: Figure) -> str:
    """A figure as SVG, to be shown in a page."""
    fix_layout(figure)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=SVG_METADATA)
    return text.getvalue()


def save(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Write a figure as SVG, and as PNG for previews, without date or version."""
    fix_layout(figure)
    with temporary(svg) as partial:
        figure.savefig(partial, metadata=SVG_METADATA)
    with temporary(png) as partial:
        figure.savefig(partial, metadata={"Software": None})


def save_all(figures: Mapping[str, Figure], paths: Mapping[str, str]) -> None:
    """Write each figure to the paths with the keys NAME and NAME_png."""
    for name, figure in figures.items():
        save(figure, paths[name], paths[f"{name}_png"])
