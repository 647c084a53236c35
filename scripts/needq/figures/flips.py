"""The figure of predicted flips: where texts should diverge by rounding, and where they do."""

from collections.abc import Sequence
from math import isnan

from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq.figures import theme
from needq.figures.axes import note


def draw_flips(table: DataFrame, places: DataFrame, cuda: bool) -> Figure:
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
