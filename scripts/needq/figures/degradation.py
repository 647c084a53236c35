"""The figures of degradation: the evaluation text, and the generated texts."""

from collections.abc import Sequence
from math import log

from matplotlib.figure import Figure
from pandas import DataFrame

from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, bands, label, level, line, note, single

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


def draw_evaluation(table: DataFrame, vocabulary: int, reference: str, cuda: bool) -> Figure:
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


def draw_texts(table: DataFrame, cuda: bool) -> Figure:
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
