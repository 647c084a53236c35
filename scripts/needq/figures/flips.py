"""The figure of predicted flips: at which tokens texts should diverge, and where they do."""

from math import isnan

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq.figures import theme
from needq.figures.axes import add_cuda, list_pairs


def draw_flips(table: DataFrame, places: DataFrame, margins: DataFrame, cuda: bool) -> Figure:
    """Draw the flips of each pair, observed and predicted: by token above, by margin below.

    `table` is `flips.tsv`, `places` is `flip_places.tsv`, `margins` is `flip_margins.tsv`.
    """
    pairs = list_pairs(table)
    figure, axes = theme.panels(2 * len(pairs), 1)
    figure.set_figwidth(theme.STACK[0])
    panels = [row[0] for row in axes]
    totals = table[table["blocks_replaced"].isna()]
    for above, below, (left, right) in zip(panels[::2], panels[1::2], pairs, strict=True):

        def own(rows: DataFrame, left: str = left, right: str = right) -> DataFrame:
            return rows[(rows["left"] == left) & (rows["right"] == right)]

        _draw_places(above, own(places), own(totals).iloc[0])
        _draw_margins(below, own(margins))
    panels[0].legend(loc="upper left")
    panels[1].legend(loc="upper right")
    text = (
        "Both backends choose tokens with the same random numbers. Predicted: a token flips if the "
        "error of the logits exceeds its margin, or its distance from the edge of top_k or top_p. "
        "p: the probability of an observed number this far from the predicted one, if the "
        "prediction is right. Above: texts by their first flip. Below: all tokens up to the first "
        "flip of each text."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _draw_places(axis: Axes, places: DataFrame, total: Series) -> None:
    """How many texts diverged by each token."""
    tokens = places["token"] + 1
    observed, predicted = places["diverged"].cumsum(), places["predicted"].cumsum()
    axis.step(tokens, observed, where="mid", color=theme.COLOURS[0], label="observed")
    axis.plot(tokens, predicted, "--", color=theme.COLOURS[1], label="predicted")
    ends = [total["predicted_low"], total["predicted_high"]]
    last = [tokens.max()] * 2
    axis.plot(last, ends, "-", marker="_", color=theme.COLOURS[1], label="95% interval")
    theme.set_title(
        axis,
        f"{total['left']} and {total['right']}: {total['diverged']:.0f} texts diverge, "
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


def _draw_margins(axis: Axes, margins: DataFrame) -> None:
    """How many tokens flipped, by their margin in units of the logit error."""
    places = range(len(margins))
    ends = margins["predicted"] - margins["predicted_low"]
    ends = [ends.clip(lower=0), (margins["predicted_high"] - margins["predicted"]).clip(lower=0)]
    axis.errorbar(
        places,
        margins["predicted"],
        ends,
        fmt="_",
        color=theme.COLOURS[1],
        capsize=4,
        markersize=10,
        label="predicted, 95% interval",
    )
    axis.plot(places, margins["flipped"], "o", color=theme.COLOURS[0], label="observed")
    low, high = margins["margin_low"], margins["margin_high"]
    names = [
        f"{a:g} or more" if b == float("inf") else f"{a:g} to {b:g}"
        for a, b in zip(low, high, strict=True)
    ]
    axis.set_xticks(places, names, rotation=30, ha="right")
    axis.set_xlabel("margin of the token (in logit errors)")
    axis.set_ylabel("flipped tokens")
    axis.set_ylim(0, max(1, 1.1 * max(margins["flipped"].max(), margins["predicted_high"].max())))
    theme.set_title(axis, _describe_margins(margins))


def _describe_margins(margins: DataFrame) -> str:
    """How many flips have a margin below one error of the logits, in the title's words."""
    flips = margins["flipped"].sum()
    small = margins.loc[margins["margin_high"] <= 1, "flipped"].sum()
    if not flips:
        return "No token flipped"
    return f"{small / flips:.0%} of the flips had a margin below one logit error"


def _p(total: Series) -> str:
    """The p-value as a line of text; empty if there is none."""
    return "" if isnan(total["p_value"]) else f"p = {total['p_value']:.2g}\n"
