"""The look that all figures share, and how they are saved: the same bytes on every run."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from needq.common.files import temporary
from needq.common.keys import ALL_LABELS

COLOURS = seaborn.color_palette("colorblind").as_hex()  # told apart by colour-blind readers too
GREY = "#6b6b6b"
INK = "#333333"  # of small print
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
# texts without a label, the last of ALL, are white
LABELS = dict(
    zip(ALL_LABELS, (COLOURS[0], COLOURS[1], COLOURS[4], "#4d4d4d", "white"), strict=True)
)
PANEL = (3.7, 3.1)  # inches: width and height of one panel
STACK = (5.6, 2.5)  # of one in a stack, whose letters are read at 400 pixels too
RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
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
    "svg.hashsalt": "needq",  # else ids, and so bytes, differ from run to run
    "savefig.dpi": 110,
}
SVG_METADATA = {"Date": None, "Creator": None}  # neither date nor version


def apply() -> None:
    """Use the theme for every figure from here on."""
    seaborn.set_theme(context="paper", style="whitegrid", palette=COLOURS, rc=RC)


def style(index: int) -> dict[str, str]:
    """Colour, marker and dash of the index-th line: each alone tells lines apart."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def panels(rows: int, columns: int) -> tuple[Figure, Sequence]:
    """A figure of rows x columns panels, and its axes as a list of lists."""
    apply()
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows + 0.35))
    return figure, figure.subplots(rows, columns, squeeze=False)


def stack(
    rows: int, columns: int = 1, heights: Sequence[float] | None = None, sharey: str | bool = False
) -> tuple[Figure, Sequence]:
    """Panels above each other, each column with one x axis; `heights` in units of STACK's."""
    apply()
    heights = heights or [1] * rows
    width = STACK[0] if columns == 1 else PANEL[0] * columns
    figure = Figure(figsize=(width, STACK[1] * sum(heights) + 0.5))
    ratios = {"height_ratios": heights}
    return figure, figure.subplots(
        rows, columns, sharex="col", sharey=sharey, squeeze=False, gridspec_kw=ratios
    )


def title(axis, text: str) -> None:
    """A panel's title, in as many lines as it needs."""
    width = axis.figure.get_figwidth() / axis.get_subplotspec().get_gridspec().ncols
    axis.set_title(textwrap.fill(text, int(10 * width)))  # bold: about 10 letters an inch


def said(axis, text: str) -> None:
    """Words in the middle of a panel that has nothing to show."""
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center")


def whole_numbers(axis) -> None:
    """Ticks at whole numbers only, for an axis that counts."""
    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def footnote(figure: Figure, text: str) -> None:
    """Small print under all panels, in as many lines as it needs."""
    lines = textwrap.fill(text, int(14 * figure.get_figwidth()))  # about 14 letters an inch
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=8.5, color=INK)


def settle(figure: Figure) -> None:
    """Lay a figure out, once for every file made of it.

    The layout's solver sums in the order of its objects' addresses, so positions differ in the
    last bits from run to run, and with them the ids that SVG makes of them. They are rounded.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axis in figure.axes:
        low, high = axis.get_position(original=True).get_points().round(6)  # in figure widths
        axis.set_position((*low, *(high - low).round(6)), which="original")


def svg_text(figure: Figure) -> str:
    """A figure as SVG, to be shown within a page."""
    settle(figure)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=SVG_METADATA)
    return text.getvalue()


def save(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Write a figure as SVG, and as PNG for previews, without date or version."""
    settle(figure)
    with temporary(svg) as partial:
        figure.savefig(partial, metadata=SVG_METADATA)
    with temporary(png) as partial:
        figure.savefig(partial, metadata={"Software": None})


def save_all(figures: Mapping[str, Figure], paths: Mapping[str, str]) -> None:
    """Write each figure to the paths that are called NAME and NAME_png."""
    for name, figure in figures.items():
        save(figure, paths[name], paths[f"{name}_png"])
