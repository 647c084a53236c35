"""The figures, each drawn from tables alone."""

from collections.abc import Sequence
from math import log

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from pandas import DataFrame

from needq.figures import theme
from needq.metrics.labels import ALL
from needq.plan.interventions import noise_parts

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
BLOCK = "the one block replaced"


def degradation(table: DataFrame, vocabulary: int, reference: str, cuda: bool) -> Figure:
    """What the model loses on the evaluation text, by blocks replaced: nll, KL, agreement.

    `vocabulary` is the number of tokens that the model knows: a uniform guess has nll
    ln(vocabulary). Behind the lines stands the commonest label of the backend `reference`.
    """
    table = table[table["texts"] > 0]
    figure, axes = _measures(table, DEGRADATION)
    seeds = table["noise_seeds"].max()
    text = f"Mean over {seeds} noise seeds and all documents, with its 95% interval. Background: "
    text += f"commonest label of {reference} ({table['texts'].max()} texts a point at most)."
    theme.footnote(figure, note(text, cuda))
    seen = {}
    for sweep, nll, kl, top1 in zip(sorted(table["sweep"].unique()), *axes, strict=True):
        part = table[table["sweep"] == sweep]
        for axis in (nll, kl, top1):
            seen |= bands(axis, part[part["backend"] == reference])
        pristine = part.loc[part["blocks_replaced"] == 0, "nll"].iloc[0]
        level(nll, pristine, "pristine model", "below")
        level(nll, log(vocabulary), f"uniform guess, ln({vocabulary:,})", "above")
        nll.margins(y=0.12)
        kl.set_ylim(bottom=0)
        top1.set_ylim(0, 1.03)
    place = {"loc": "outside upper left", "ncols": len(seen), "columnspacing": 1.2}
    handles = list(seen.values())
    figure.legend(handles=handles, title="commonest label", alignment="left", **place)
    return figure


def bands(axis: Axes, table: DataFrame) -> dict[str, Patch]:
    """Paint behind each step of one sweep and backend the colour of its commonest label.

    Returns a patch for the legend for each label seen.
    """
    table, places = placed(table)
    edges = numpy.concatenate(
        [[places[0] - 0.5], (places[1:] + places[:-1]) / 2, [places[-1] + 0.5]]
    )
    for label, low, high in zip(table["label"], edges, edges[1:], strict=False):
        axis.axvspan(low, high, color=theme.LABELS[label], alpha=0.17, linewidth=0, zorder=0)
    axis.set_xlim(edges[0], edges[-1])
    axis.grid(axis="x", visible=False)
    return {
        label: Patch(facecolor=theme.LABELS[label], alpha=0.35, label=label)
        for label in ALL
        if (table["label"] == label).any()
    }


def placed(table: DataFrame) -> tuple[DataFrame, numpy.ndarray]:
    """The rows of one sweep and backend in the order of the x axis, and their places on it.

    That is the number of blocks replaced; or, where each block is replaced by itself, the block,
    and the pristine model has no place.
    """
    if not single(table):
        table = table.sort_values("blocks_replaced")
        return table, table["blocks_replaced"].to_numpy(float)
    table = table[table["blocks_replaced"] > 0].sort_values("intervention")
    return table, table["intervention"].str.split("/").str[-1].to_numpy(float)


def single(table: DataFrame) -> bool:
    """Whether the rows' steps are single blocks (`needq.plan.interventions`)."""
    return bool(table["intervention"].str.endswith("/none").any())


def texts(table: DataFrame, cuda: bool) -> Figure:
    """How repetitive, varied and strange the generated texts are, by blocks replaced."""
    table = table[table["texts"] > 0]
    figure, axes = _measures(table, TEXTS)
    seeds, count = table["noise_seeds"].max(), table["texts"].max()
    text = f"Mean over {seeds} noise seeds and all prompts (up to {count} texts a point)"
    theme.footnote(figure, note(f"{text}, with its 95% interval.", cuda))
    for repetition, diversity, strangeness in zip(*axes, strict=True):
        repetition.set_ylim(0, 1.03)
        diversity.set_ylim(0, 1.03)
        strangeness.set_ylim(bottom=0)
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
    """One column of panels a sweep, one panel a measure, one line a backend."""
    sweeps = sorted(table["sweep"].unique())
    backends = list(dict.fromkeys(table["backend"]))
    figure, axes = theme.stack(len(measures), len(sweeps), sharey="row")
    for row, (column, unit) in zip(axes, measures.items(), strict=True):
        for axis, sweep in zip(row, sweeps, strict=True):
            own = table[table["sweep"] == sweep]
            for index, backend in enumerate(backends):
                # lines that coincide show as one in the other: the first is the widest
                look = theme.style(index) | {"linewidth": 1.4 + 1.2 * (len(backends) - 1 - index)}
                line(axis, own[own["backend"] == backend], column, backend, look)
            label(axis, sweep, sweeps, TITLES[column], unit)
            axis.set_xlabel(BLOCK if single(own) else BLOCKS)
            axis.label_outer()
    axes[0][0].legend(loc="center right", title="backend")
    return figure, axes


def line(
    axis: Axes, table: DataFrame, column: str, label: str, look: dict, band: bool = True
) -> None:
    """A mean by blocks replaced, with its interval as a band where there is one."""
    table, x = placed(table)
    axis.plot(x, table[column], label=label, markeredgewidth=0, **look)
    if band:
        low, high = table[f"{column}_low"], table[f"{column}_high"]
        axis.fill_between(x, low, high, color=look["color"], alpha=0.16, linewidth=0)


def label(axis: Axes, sweep: str, sweeps: Sequence[str], title: str, unit: str) -> None:
    theme.title(axis, title if len(sweeps) == 1 else f"{title}: {sweep}")
    axis.set_ylabel(unit)
    theme.whole_numbers(axis.xaxis)


def level(
    axis: Axes, value: float, label: str, side: str, end: str = "right", color: str = theme.GREY
) -> None:
    """A horizontal line of reference, with its label above or below it, at its left or right."""
    axis.axhline(value, color=color, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axis.annotate(
        label,
        (0.99 if end == "right" else 0.01, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3 if side == "above" else -3),
        textcoords="offset points",
        ha=end,
        va="bottom" if side == "above" else "top",
        fontsize=8,
        color=color,
    )


def note(text: str, cuda: bool) -> str:
    return text if cuda else f"{text} {NO_CUDA}"
