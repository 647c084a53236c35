"""The figure of the ledger: what removing each cause of divergence does."""

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.figures import theme
from needq.figures.axes import add_cuda
from needq.plan.ledger_steps import CALLED, REMOVED, REPEAT

LEDGER = {
    "identical_share": "identical texts (share)",
    "kl": "KL, given the same tokens (nats)",
    "max_abs_logit": "largest |logit difference|",
}
ZERO = "0"
TOTAL = "all causes removed"


def draw_ledger(table: DataFrame, cuda: bool) -> Figure:
    """Draw what removing each cause does, in both orders: one row of panels per pair and order.

    `table` is `ledger.tsv`.
    """
    table = table[table["order"] != REPEAT]
    rows = list(dict.fromkeys(zip(table["left"], table["right"], table["order"], strict=True)))
    figure, axes = theme.panels(len(rows), len(LEDGER), widths=[1.7, 1, 1])
    for (left, right, order), panels in zip(rows, axes, strict=True):
        part = table[
            (table["left"] == left) & (table["right"] == right) & (table["order"] == order)
        ].sort_values("step")
        places = numpy.arange(len(part))
        for axis, (column, title) in zip(panels, LEDGER.items(), strict=True):
            values = part[column].to_numpy(float)
            if column == "identical_share":
                _waterfall(axis, part)
            else:
                _log_bars(axis, places, values, table[column].to_numpy(float))
            names = [*(REMOVED[cause] for cause in part["cause"]), TOTAL]
            axis.set_yticks(range(len(names)), names)
            axis.set_ylim(len(part) + 0.5, -0.5)
            axis.set_xlabel(title)
            axis.grid(axis="y", visible=False)
            if axis is not panels[0]:
                axis.set_yticklabels([])
        title = f"{left} and {right}, {CALLED[order]}: {_describe(part)}"
        theme.set_title(panels[0], title)
    texts, seeds = table["texts"].max(), table["noise_seeds"].max()
    text = (
        "From top to bottom, each row removes one more cause for both backends. What makes them "
        f"two machines (device, threads, instruction set) stays. {texts:.0f} texts per step, "
        f"{seeds:.0f} noise seeds. Left: how each step changes the share; the first and the last "
        "bar have 95% intervals. A largest difference of 0 means that all bits are equal."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _describe(part: DataFrame) -> str:
    """How the steps of one order change the share of identical texts, in words."""
    shares = part["identical_share"].to_numpy(float)
    changes = numpy.diff(shares)
    text = f"{shares[0]:.0%} of texts are identical, {shares[-1]:.0%} with all causes removed"
    most = changes.max()
    if not most > 0:
        return text
    causes = [
        f"{REMOVED[cause]} {change:+.2f}"
        for cause, change in zip(part["cause"].iloc[1:], changes, strict=True)
        if change > most / 2
    ]
    return f"{text}. Largest steps: {', '.join(causes)}"


def _waterfall(axis: Axes, part: DataFrame) -> None:
    """Draw how each step changes the share of identical texts, as floating bars; last, the total.

    The interval of the share is on the first bar and on the total.
    """
    shares = part["identical_share"].to_numpy(float)
    before = numpy.concatenate([[0.0], shares[:-1], [0.0]])
    after = numpy.concatenate([shares, shares[-1:]])
    places = numpy.arange(len(after))
    colours = [theme.COLOURS[3] if fall else theme.COLOURS[2] for fall in after < before]
    colours[0] = colours[-1] = theme.COLOURS[0]
    axis.barh(places, after - before, left=before, color=colours, height=0.6)
    for place, share in enumerate(shares):
        axis.plot([share] * 2, [place - 0.3, place + 1.3], color=theme.GREY, linewidth=0.8)
    for place, row in ((0, 0), (places[-1], -1)):
        low, high = (part[f"identical_share_{end}"].iloc[row] for end in ("low", "high"))
        ends = [[shares[row] - low], [high - shares[row]]]
        axis.errorbar(shares[row], place, xerr=ends, fmt="none", ecolor="black", capsize=2)
    for place in places[1:-1]:
        change, right = after[place] - before[place], max(after[place], before[place])
        axis.annotate(
            f"{change:+.2f}" if change else ZERO,
            (right, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axis.set_xlim(0, 1.25)
    axis.set_xticks(numpy.linspace(0, 1, 6))


def _log_bars(
    axis: Axes, places: numpy.ndarray, values: numpy.ndarray, everywhere: numpy.ndarray
) -> None:
    """Draw bars on a logarithmic scale for all values `everywhere`; a zero is written instead."""
    positive = everywhere[everywhere > 0]
    floor = positive.min() / 30 if len(positive) else 0.1
    axis.barh(
        places, numpy.maximum(values, 0) - floor, left=floor, color=theme.COLOURS[1], height=0.6
    )
    axis.set_xscale("log")
    axis.set_xlim(floor, (positive.max() if len(positive) else 1) * 5)
    for place, value in zip(places, values, strict=True):
        if not value > 0:
            axis.annotate(
                ZERO if value == 0 else "not compared",
                (floor, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                fontweight="bold",
            )
