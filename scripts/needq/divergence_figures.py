"""The figures of divergence, each drawn from tables alone."""

from collections.abc import Sequence
from math import isnan

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq import theme
from needq.causes import CAUSES, NATIVE
from needq.figures import label, line, note

SHARED = "part of the text before they part\nhigher is later"
REMOVED = {NATIVE: NATIVE} | {cause: f"same {cause}" for cause in CAUSES}
REMOVED |= {"float64": "both in float64", "exact": "both exact"}
LEDGER = {
    "identical_share": "identical texts (share)",
    "kl": "KL, same tokens given (nats)",
    "max_abs_logit": "largest |logit difference|",
}
ZERO = "0"


def divergence(summary: DataFrame, cuda: bool) -> Figure:
    """By blocks replaced, for each pair: the share of identical texts, and the tokens shared.

    `summary` is `divergence_summary.tsv`.
    """
    tested = _pairs(summary[summary["left"] != summary["right"]])
    controls = summary[summary["left"] == summary["right"]]
    sweeps = sorted(summary["sweep"].unique())
    figure, axes = theme.panels(len(sweeps), 2)
    for sweep, row in zip(sweeps, axes, strict=True):
        part = summary[summary["sweep"] == sweep]
        for axis, column in zip(row, ("identical", "shared"), strict=True):
            for index, (left, right) in enumerate(tested):
                table = part[(part["left"] == left) & (part["right"] == right)]
                line(axis, table, column, f"{left} and {right}", theme.style(index))
            if not tested:
                said = "no pair of different\nbackends was run"
                axis.text(0.5, 0.5, said, transform=axis.transAxes, ha="center", va="center")
        same = controls[controls["sweep"] == sweep].groupby("blocks_replaced", as_index=False)
        look = {"color": theme.GREY, "linestyle": ":", "linewidth": 2.5}
        lowest = same["identical"].min()
        line(row[0], lowest, "identical", "null controls (lowest)", look, band=False)
        label(row[0], sweep, sweeps, "Texts that stay identical", "share of texts")
        label(row[1], sweep, sweeps, "How long they stay the same", SHARED)
        row[0].set_ylim(0, 1.05)
        row[1].set_ylim(0, 1.05)
    handles, names = axes[0][0].get_legend_handles_labels()
    axes[0][1].legend(handles, names, loc="center left", bbox_to_anchor=(1.02, 0.5), title="pair")
    text = "Means over noise seeds and prompts with 95% intervals; null controls must stay at 1."
    theme.footnote(figure, note(text, cuda))
    return figure


def ledger(table: DataFrame, cuda: bool) -> Figure:
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
                ends = [values - part["identical_share_low"], part["identical_share_high"] - values]
                axis.barh(places, values, color=theme.COLOURS[0], height=0.6)
                axis.errorbar(values, places, xerr=ends, fmt="none", ecolor="black", capsize=2)
                axis.set_xlim(0, 1.05)
            else:
                _log_bars(axis, places, values)
            axis.set_yticks(places, [REMOVED[cause] for cause in part["cause"]])
            axis.invert_yaxis()
            axis.set_xlabel(title)
            axis.grid(axis="y", visible=False)
            if axis is not panels[0]:
                axis.set_yticklabels([])
        panels[0].set_title(f"{left} and {right}, {order}")
    texts, seeds = table["texts"].max(), table["noise_seeds"].max()
    text = (
        "From top to bottom one more cause is removed for both backends; what makes them two "
        f"machines (device, threads, instruction set) stays. {texts} texts a step, {seeds} noise "
        "seeds; bars with 95% intervals. A largest difference of 0 means the same bits."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _log_bars(axis: Axes, places: numpy.ndarray, values: numpy.ndarray) -> None:
    """Bars on a logarithmic scale, on which zeros are written instead."""
    positive = values[values > 0]
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


def flips(table: DataFrame, places: DataFrame, cuda: bool) -> Figure:
    """Texts that parted by each token, beside the flip law's prediction: a panel a backend.

    `table` is `flips.tsv`, `places` is `flip_places.tsv`.
    """
    pairs = _pairs(table)
    figure, axes = theme.panels(1, len(pairs))
    totals = table[table["blocks_replaced"].isna()]
    for axis, (left, right) in zip(axes[0], pairs, strict=True):
        part = places[(places["left"] == left) & (places["right"] == right)]
        total = totals[(totals["left"] == left) & (totals["right"] == right)].iloc[0]
        tokens, seen, law = part["token"] + 1, part["parted"].cumsum(), part["predicted"].cumsum()
        axis.step(tokens, seen, where="mid", color=theme.COLOURS[0], label="seen")
        axis.plot(tokens, law, "--", color=theme.COLOURS[1], label="flip law")
        ends = [total["predicted_low"], total["predicted_high"]]
        last = [tokens.max()] * 2
        axis.plot(last, ends, "-", marker="_", color=theme.COLOURS[1], label="its 95% interval")
        axis.set_title(f"{left} and {right}")
        axis.set_xlabel("new tokens generated")
        axis.set_ylabel(f"texts that parted (of {total['texts']:.0f})")
        axis.set_ylim(0, max(1, 1.06 * max(seen.iloc[-1], law.iloc[-1], *ends)))
        axis.annotate(
            f"{_p(total)}logit error {total['logit_error']:.2g} nats",
            (0.97, 0.05),
            xycoords="axes fraction",
            ha="right",
            fontsize=8.5,
        )
    axes[0][0].legend(loc="upper left")
    text = (
        "Both backends draw each token by the same race. The law predicts a flip from the lead "
        "that the token had and the measured error of the logits; p says how likely a number as "
        "far off as the one seen is, if the law holds."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _p(total: Series) -> str:
    """The p-value as a line; none where the law expects nothing."""
    return "" if isnan(total["p_value"]) else f"p = {total['p_value']:.2g}\n"


def _pairs(table: DataFrame) -> Sequence[tuple[str, str]]:
    return list(dict.fromkeys(zip(table["left"], table["right"], strict=True)))
