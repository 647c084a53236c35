"""The figure of the ledger: what each removed cause of divergence does."""

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.figures import theme
from needq.figures.axes import note
from needq.plan.ledger_steps import CALLED, REMOVED

LEDGER = {
    "identical_share": "identical texts (share)",
    "kl": "KL, same tokens given (nats)",
    "max_abs_logit": "largest |logit difference|",
}
ZERO = "0"
TOTAL = "in the end"


def draw_ledger(table: DataFrame, cuda: bool) -> Figure:
    """What each removed cause does, forwards and backwards: a row of panels a pair and order.

    `table` is `ledger.tsv`.
    """
    table = table[table["order"] != "control"]
    rows = list(dict.fromkeys(zip(table["left"], table["right"], table["order"], strict=True)))
    figure, axes = theme.panels(len(rows), len(LEDGER))
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
        theme.title(panels[0], f"{left} and {right}, {CALLED[order]}: {_told(part)}")
    texts, seeds = table["texts"].max(), table["noise_seeds"].max()
    text = (
        "From top to bottom one more cause is removed for both backends; what makes them two "
        f"machines (device, threads, instruction set) stays. {texts} texts a step, {seeds} noise "
        "seeds. Left: what each step adds; the first and last bar have 95% intervals. "
        "A largest difference of 0 means the same bits."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _told(part: DataFrame) -> str:
    """What the steps of one order do to the share of identical texts, in words."""
    shares = part["identical_share"].to_numpy(float)
    changes = numpy.diff(shares)
    text = f"{shares[0]:.0%} of texts identical at first, {shares[-1]:.0%} in the end"
    most = changes.max()
    if not most > 0:
        return text
    causes = [
        f"{REMOVED[cause]} {change:+.2f}"
        for cause, change in zip(part["cause"].iloc[1:], changes, strict=True)
        if change > most / 2
    ]
    return f"{text}; mostly by {', '.join(causes)}"


def _waterfall(axis: Axes, part: DataFrame) -> None:
    """What each step adds to the share of identical texts, as floating bars; last, their total.

    The share itself has an interval, which the first bar and the total show.
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
    """Bars on the logarithmic scale of the values `everywhere`; zeros are written instead."""
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
