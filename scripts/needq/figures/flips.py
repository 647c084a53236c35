"""The figure of predicted flips: at which tokens texts should diverge, and where they do."""

from math import isnan

from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq.figures import theme
from needq.figures.axes import add_cuda, list_pairs


def draw_flips(table: DataFrame, places: DataFrame, cuda: bool) -> Figure:
    """Draw how many texts diverged by each token, observed and predicted: one panel per pair.

    `table` is `flips.tsv`, `places` is `flip_places.tsv`.
    """
    pairs = list_pairs(table)
    figure, axes = theme.panels(1, len(pairs))
    totals = table[table["blocks_replaced"].isna()]
    for axis, (left, right) in zip(axes[0], pairs, strict=True):
        part = places[(places["left"] == left) & (places["right"] == right)]
        total = totals[(totals["left"] == left) & (totals["right"] == right)].iloc[0]
        tokens = part["token"] + 1
        observed, predicted = part["diverged"].cumsum(), part["predicted"].cumsum()
        axis.step(tokens, observed, where="mid", color=theme.COLOURS[0], label="observed")
        axis.plot(tokens, predicted, "--", color=theme.COLOURS[1], label="predicted")
        ends = [total["predicted_low"], total["predicted_high"]]
        last = [tokens.max()] * 2
        axis.plot(last, ends, "-", marker="_", color=theme.COLOURS[1], label="95% interval")
        theme.set_title(
            axis,
            f"{left} and {right}: {total['diverged']:.0f} texts diverge, "
            f"{total['predicted']:.1f} predicted",
        )
        axis.set_xlabel("new tokens generated")
        axis.set_ylabel(f"diverged texts (of {total['texts']:.0f})")
        axis.set_ylim(0, max(1, 1.06 * max(observed.iloc[-1], predicted.iloc[-1], *ends)))
        axis.annotate(
            f"{_p(total)}logit error {total['logit_error']:.2g} nats",
            (0.97, 0.05),
            xycoords="axes fraction",
            ha="right",
            fontsize=8.5,
        )
    axes[0][0].legend(loc="upper left")
    text = (
        "Both backends choose tokens with the same random numbers. Predicted: a token flips if the "
        "error of the logits exceeds its margin. p: the probability of an observed number this far "
        "from the predicted one, if the prediction is right."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _p(total: Series) -> str:
    """The p-value as a line of text; empty if there is none."""
    return "" if isnan(total["p_value"]) else f"p = {total['p_value']:.2g}\n"
