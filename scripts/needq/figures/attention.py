"""The figure of attention: what noise in W_Q does to its scores and weights, block by block."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import ALL_BLOCKS, PRISTINE
from needq.common.names import METHOD_NAMES
from needq.figures import theme
from needq.figures.axes import draw_level

# the methods that are drawn, as far as they were run, and what they are called
METHODS = {PRISTINE: "pristine"}
METHODS |= {method: METHOD_NAMES[method] for method in ("gaussian", "matched_scores")}
SPREAD, ENTROPY = "score_spread", "entropy"
NEARLY = 0.9  # of the entropy of uniform attention


def draw_attention(table: DataFrame) -> Figure:
    """Draw the spread of scores and the entropy of weights by block: a dot per head, a mean line.

    `table` is `attention.tsv`. W_Q of all blocks is replaced.
    """
    figure, axes = theme.stack(2, extra=0.4)
    spreads, entropies = (row[0] for row in axes)
    table = table[table["replaced"].isin([PRISTINE, ALL_BLOCKS])]
    shown = [method for method in METHODS if (table["method"] == method).any()]
    for index, method in enumerate(shown):
        rows = table[table["method"] == method]
        shift = 0.16 * (index - (len(shown) - 1) / 2)  # dots of methods stand side by side
        for axis, name in ((spreads, SPREAD), (entropies, ENTROPY)):
            _draw(axis, rows, name, METHODS[method], theme.style(index), shift)
    theme.set_title(spreads, _describe_spread(table))
    spreads.set_ylabel("spread of scores (nats)\nacross the keys of a query")
    spreads.set_ylim(bottom=0)
    theme.set_title(entropies, _describe_entropy(table))
    entropies.set_ylabel("entropy of weights\n(share of uniform)")
    entropies.set_ylim(0, 1.16)
    draw_level(entropies, 1, "uniform: all words count the same", "above")
    entropies.set_xlabel("index of the block")
    theme.tick_whole_numbers(entropies.xaxis)
    handles = spreads.get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper left", ncols=len(shown))
    seeds = table["noise_seeds"].max()
    text = "Lines: mean over heads. Dots: heads. W_Q of all blocks is replaced"
    theme.write_footnote(figure, f"{text}; mean over {seeds} noise seeds." if seeds else f"{text}.")
    return figure


def _draw(
    axis: Axes, rows: DataFrame, name: str, label: str, look: theme.Look, shift: float
) -> None:
    """Draw a dot for each head, and a line through the means over heads."""
    dots = {"color": look["color"], "marker": look["marker"], "s": 7, "linewidths": 0, "alpha": 0.5}
    axis.scatter(rows["block"] + shift, rows[name], **dots)
    means = rows.groupby("block")[name].mean()
    axis.plot(means.index, means, label=label, markeredgewidth=0, **look)


def _by_block(table: DataFrame, method: str, name: str) -> DataFrame:
    return table[table["method"] == method].groupby("block")[name].mean()


def _describe_spread(table: DataFrame) -> str:
    """By how much Gaussian noise narrows scores, in the title's words."""
    noise = _by_block(table, "gaussian", SPREAD)
    if noise.empty:
        return "Attention scores"
    ratios = _by_block(table, PRISTINE, SPREAD) / noise
    low, high = (f"{ratio:.1f}" for ratio in (ratios.min(), ratios.max()))
    times = f"{low if low == high else f'{low} to {high}'} times"
    if ratios.min() > 1:
        return f"Gaussian noise in W_Q: scores differ {times} less from word to word"
    return f"Pristine scores spread {times} as far as under Gaussian noise in W_Q"


def _describe_entropy(table: DataFrame) -> str:
    """What becomes of the entropy under Gaussian noise, in the title's words."""
    before, after = (_by_block(table, method, ENTROPY) for method in (PRISTINE, "gaussian"))
    if after.empty:
        return "Attention weights"
    spans = [f"{values.min():.2f} to {values.max():.2f}" for values in (before, after)]
    words = f"entropy {spans[0]} before, {spans[1]} with noise"
    if not (after > before).all():
        return words.capitalize()
    return f"Attention becomes {'nearly' if after.min() >= NEARLY else 'more'} uniform: {words}"
