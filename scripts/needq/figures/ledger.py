"""The figure of the ledger: what each cause of divergence does."""

import numpy
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import TOO_SMALL
from needq.figures import theme
from needq.figures.axes import add_cuda, list_pairs
from needq.plan.corners import ALL, ALONE, LAST, SHARE

# effect: its name in the legend, and how far below the line of its cause it lies
EFFECTS = {
    ALONE: ("alone", -0.22),
    LAST: ("last removed", 0.0),
    SHARE: ("Shapley share", 0.22),
}


def draw_ledger(table: DataFrame, cuda: bool) -> Figure:
    """Draw what each cause does alone, last removed and on average: one panel per pair.

    `table` is `ledger.tsv`.
    """
    pairs = list_pairs(table)
    figure, axes = theme.stack(len(pairs), extra=0.3)
    for (axis,), (left, right) in zip(axes, pairs, strict=True):
        part = table[(table["left"] == left) & (table["right"] == right)]
        causes = list(dict.fromkeys(part["cause"]))
        for index, (effect, (label, offset)) in enumerate(EFFECTS.items()):
            mine = part[part["effect"] == effect]
            # all causes have no other effect: their point lies on the line
            places = [causes.index(c) + (offset if c != ALL else 0) for c in mine["cause"]]
            _draw_points(axis, mine, numpy.array(places), label, theme.style(index))
        axis.set_yticks(range(len(causes)), causes)
        axis.set_ylim(len(causes) - 0.5, -0.5)
        axis.axvline(0, color=theme.GREY, linewidth=0.8, zorder=1)
        axis.grid(axis="y", visible=False)
        total = part[part["cause"] == ALL].iloc[0]
        share = f"{total['estimate']:.0%} of {total['texts']:.0f} texts diverge"
        theme.set_title(axis, f"{left} and {right}: {share}")
    lowest = min(axis.dataLim.x0 for (axis,) in axes)
    axis.set_xlim(min(-0.05, 1.1 * lowest), 1.05)
    axis.set_xlabel("texts that diverge (share)")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    theme.write_footnote(figure, add_cuda(_footnote(table), cuda))
    return figure


def _draw_points(
    axis: Axes, part: DataFrame, places: numpy.ndarray, label: str, look: theme.Look
) -> None:
    """Draw one effect of each cause, with its interval where it has one."""
    estimate = part["estimate"].to_numpy(float)
    low, high = (
        pandas.to_numeric(part[end], errors="coerce").to_numpy() for end in ("low", "high")
    )
    width = numpy.nan_to_num(numpy.maximum([estimate - low, high - estimate], 0))
    look = look | {"linestyle": "none", "markersize": 5.5, "label": label}
    axis.errorbar(estimate, places, xerr=width, capsize=2, elinewidth=1.2, **look)


def _footnote(table: DataFrame) -> str:
    """What is drawn, and over what."""
    prompts, seeds = table["prompts"].max(), table["noise_seeds"].max()
    lines = "Lines: 95% intervals over prompts."
    if (table["low"] == TOO_SMALL).any():
        lines = f"{TOO_SMALL} for intervals."
    return (
        "Alone: texts that diverge if this cause alone acts. Last removed: how much their share "
        "falls if the cause is removed last. The Shapley shares add up to all causes. "
        f"{prompts:.0f} prompts, {seeds:.0f} noise seeds. {lines}"
    )
