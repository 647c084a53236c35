"""The figures, each drawn from tables alone."""

from collections.abc import Sequence
from math import log

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq import theme
from needq.interventions import noise_parts

DEGRADATION = {
    "nll": "nll (nats per token)\nlower is better",
    "kl": "KL (nats per token)\nlower is closer",
    "top1_agreement": "share of positions, top-1 token\nhigher is closer",
}
TEXTS = {
    "seq_rep_4": "seq_rep_4 (share of 4-grams)\nlower is less repetitive",
    "distinct_2": "distinct_2 (share of 2-grams)\nhigher is more varied",
    "text_nll": "nll, pristine model (nats per token)\nhigher is stranger",
}
TITLES = {
    "nll": "Evaluation text",
    "kl": "Distance from the pristine model",
    "top1_agreement": "Agreement on the likeliest token",
    "seq_rep_4": "Repetition",
    "distinct_2": "Diversity",
    "text_nll": "Strangeness of the text",
}
NO_CUDA = "CUDA: not run on this machine."
BLOCKS = "blocks replaced"


def degradation(table: DataFrame, vocabulary: int, cuda: bool) -> Figure:
    """What the model loses on the evaluation text, by blocks replaced: nll, KL, agreement.

    `vocabulary` is the number of tokens that the model knows: a uniform guess has nll
    ln(vocabulary).
    """
    figure, axes = _measures(table, DEGRADATION)
    seeds = table["noise_seeds"].max()
    text = f"Mean over {seeds} noise seeds and all documents, with its 95% interval."
    theme.footnote(figure, note(text, cuda))
    for row in axes:
        nll = row[0]
        pristine = table.loc[table["blocks_replaced"] == 0, "nll"].iloc[0]
        _level(nll, pristine, "pristine model", "below")
        _level(nll, log(vocabulary), f"uniform guess, ln({vocabulary:,})", "above")
        nll.margins(y=0.12)
        row[1].set_ylim(bottom=0)
        row[2].set_ylim(0, 1.03)
    return figure


def texts(table: DataFrame, cuda: bool) -> Figure:
    """How repetitive, varied and strange the generated texts are, by blocks replaced."""
    figure, axes = _measures(table, TEXTS)
    seeds, count = table["noise_seeds"].max(), table["texts"].max()
    text = f"Mean over {seeds} noise seeds and all prompts (up to {count} texts a point)"
    theme.footnote(figure, note(f"{text}, with its 95% interval.", cuda))
    for row in axes:
        row[0].set_ylim(0, 1.03)
        row[1].set_ylim(0, 1.03)
        row[2].set_ylim(bottom=0)
    return figure


def histogram(table: DataFrame, blocks_shown: int = 4) -> Figure:
    """The weights of some blocks' matrix beside the noise that replaces them, as densities."""
    stored = list(table["stored_noise"].unique())
    blocks = sorted(table["block"].unique())
    chosen = numpy.linspace(0, len(blocks) - 1, min(blocks_shown, len(blocks))).round().astype(int)
    figure, axes = theme.panels(len(stored), len(chosen))
    for name, row in zip(stored, axes, strict=True):
        for index, axis in zip(chosen, row, strict=True):
            part = table[(table["stored_noise"] == name) & (table["block"] == blocks[index])]
            edges = numpy.append(part["bin_low"], part["bin_high"].iloc[-1])
            widths = numpy.diff(edges)
            matrix, method, seed = noise_parts(name)
            looks = {
                "weights": {"label": f"W_{matrix.upper()}", "fill": True, "alpha": 0.35},
                "noise": {"label": f"{method}, seed {seed}", "linewidth": 1.5},
            }
            for colour, (column, look) in zip(theme.COLOURS, looks.items(), strict=False):
                density = part[column] / part[column].sum() / widths
                # an empty bin has no logarithm: its step falls below the axis
                axis.stairs(density.where(density > 0, 1e-9), edges, color=colour, **look)
            seen = numpy.concatenate([part[c] / part[c].sum() / widths for c in looks])
            axis.set_yscale("log")
            axis.set_ylim(seen[seen > 0].min() / 2, seen.max() * 6)
            axis.set_title(f"Block {blocks[index]}")
            axis.set_xlabel("weight")
            if axis is row[0]:
                axis.set_ylabel("density (log scale)")
        row[0].legend(loc="upper left")
    theme.footnote(figure, "gaussian has the mean and the standard deviation of the matrix.")
    return figure


def _measures(table: DataFrame, measures: dict[str, str]) -> tuple[Figure, Sequence]:
    """One row of panels a sweep, one panel a measure, one line a backend."""
    sweeps = sorted(table["sweep"].unique())
    backends = list(dict.fromkeys(table["backend"]))
    figure, axes = theme.panels(len(sweeps), len(measures))
    for sweep, row in zip(sweeps, axes, strict=True):
        for axis, (column, unit) in zip(row, measures.items(), strict=True):
            for index, backend in enumerate(backends):
                part = table[(table["sweep"] == sweep) & (table["backend"] == backend)]
                # lines that coincide show as one in the other: the first is the widest
                look = theme.style(index) | {"linewidth": 1.4 + 1.2 * (len(backends) - 1 - index)}
                line(axis, part, column, backend, look)
            label(axis, sweep, sweeps, TITLES[column], unit)
        row[0].legend(loc="center right", title="backend")
    return figure, axes


def line(
    axis: Axes, table: DataFrame, column: str, label: str, look: dict, band: bool = True
) -> None:
    """A mean by blocks replaced, with its interval as a band where there is one."""
    table = table.sort_values("blocks_replaced")
    x = table["blocks_replaced"].to_numpy(float)
    axis.plot(x, table[column], label=label, markeredgewidth=0, **look)
    if band:
        low, high = table[f"{column}_low"], table[f"{column}_high"]
        axis.fill_between(x, low, high, color=look["color"], alpha=0.16, linewidth=0)


def label(axis: Axes, sweep: str, sweeps: Sequence[str], title: str, unit: str) -> None:
    axis.set_title(title if len(sweeps) == 1 else f"{title}: {sweep}")
    axis.set_xlabel(BLOCKS)
    axis.set_ylabel(unit)
    theme.whole_numbers(axis.xaxis)


def _level(axis: Axes, value: float, label: str, side: str) -> None:
    """A labelled horizontal line of reference."""
    axis.axhline(value, color=theme.GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axis.annotate(
        label,
        (0.99, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3 if side == "above" else -3),
        textcoords="offset points",
        ha="right",
        va="bottom" if side == "above" else "top",
        fontsize=7.5,
        color=theme.GREY,
    )


def note(text: str, cuda: bool) -> str:
    return text if cuda else f"{text} {NO_CUDA}"
