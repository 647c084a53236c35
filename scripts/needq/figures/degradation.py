"""The figures of degradation: the evaluation text, and the generated texts."""

from math import log

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from pandas import DataFrame

from needq.figures import theme
from needq.figures.axes import (
    BLOCK,
    BLOCKS,
    add_cuda,
    draw_level,
    draw_line,
    has_single_blocks,
    paint_labels,
    set_labels,
)

DEGRADATION = {
    "nll": "nll (nats per token)\nlower is better",
    "kl": "KL (nats per token)\nlower is closer",
    "top1_agreement": "top-1 agreement (share)\nhigher is closer",
}
TEXTS = {
    "seq_rep_4": "seq_rep_4 (share of 4-grams)\nlower is less repetitive",
    "distinct_2": "distinct_2 (share of 2-grams)\nhigher is more varied",
    "pristine_nll": "pristine_nll (nats per token)\nhigher is less probable",
}
TITLES = {
    "nll": "Loss on the evaluation text",
    "kl": "Distance from the pristine model",
    "top1_agreement": "Agreement with the pristine model on the next token",
    "seq_rep_4": "Repetition in the generated texts",
    "distinct_2": "Variety of the generated texts",
    "pristine_nll": "Loss of the pristine model on the generated texts",
}


def draw_evaluation(table: DataFrame, vocabulary: int, reference: str, cuda: bool) -> Figure:
    """Draw nll, KL and top-1 agreement on the evaluation text, by blocks replaced.

    `vocabulary` is the number of tokens of the model; a uniform guess has an nll of
    ln(vocabulary). The background is the most frequent label of the backend `reference`.
    """
    table = table[table["texts"] > 0]
    figure, axes = _measures(table, DEGRADATION)
    seeds = table["noise_seeds"].max()
    text = (
        f"Mean over {seeds} noise seeds and all documents, with its 95% interval. Background: the "
    )
    text += f"most frequent label of {reference} (up to {table['texts'].max()} texts per step)."
    theme.write_footnote(figure, add_cuda(text, cuda))
    patches: dict[str, Patch] = {}
    for sweep, nll, kl, top1 in zip(sorted(table["sweep"].unique()), *axes, strict=True):
        part = table[table["sweep"] == sweep]
        for axis in (nll, kl, top1):
            patches |= paint_labels(axis, part[part["backend"] == reference])
        pristine = part.loc[part["blocks_replaced"] == 0, "nll"].iloc[0]
        draw_level(nll, pristine, "pristine model", "below")
        draw_level(nll, log(vocabulary), f"uniform guess, ln({vocabulary:,})", "above")
        nll.margins(y=0.12)
        kl.set_ylim(bottom=0)
        top1.set_ylim(0, 1.03)
    place: theme.Look = {"loc": "outside upper left", "ncols": len(patches), "columnspacing": 1.2}
    place |= {"title": "background: most frequent label", "alignment": "left"}
    figure.legend(handles=list(patches.values()), **place)
    return figure


def draw_texts(table: DataFrame, cuda: bool) -> Figure:
    """Draw seq_rep_4, distinct_2 and pristine_nll of the generated texts, by blocks replaced."""
    table = table[table["texts"] > 0]
    figure, axes = _measures(table, TEXTS)
    seeds, count = table["noise_seeds"].max(), table["texts"].max()
    text = f"Mean over {seeds} noise seeds and all prompts (up to {count} texts per step)"
    theme.write_footnote(figure, add_cuda(f"{text}, with its 95% interval.", cuda))
    for repetition, variety, loss in zip(*axes, strict=True):
        repetition.set_ylim(0, 1.03)
        variety.set_ylim(0, 1.03)
        loss.set_ylim(bottom=0)
    return figure


def _measures(table: DataFrame, measures: dict[str, str]) -> tuple[Figure, theme.Panels]:
    """Draw one column of panels per sweep, one panel per measure, one line per backend."""
    sweeps = sorted(table["sweep"].unique())
    backends = list(dict.fromkeys(table["backend"]))
    figure, axes = theme.stack(len(measures), len(sweeps), sharey="row")
    for row, (column, unit) in zip(axes, measures.items(), strict=True):
        for axis, sweep in zip(row, sweeps, strict=True):
            own = table[table["sweep"] == sweep]
            for index, backend in enumerate(backends):
                # lines may lie on each other: the first is the widest, so that all can be seen
                look = theme.style(index) | {"linewidth": 1.4 + 1.2 * (len(backends) - 1 - index)}
                draw_line(axis, own[own["backend"] == backend], column, backend, look)
            set_labels(axis, sweep, sweeps, TITLES[column], unit)
            axis.set_xlabel(BLOCK if has_single_blocks(own) else BLOCKS)
            axis.label_outer()
    axes[0][0].legend(loc="center right", title="backend")
    return figure, axes
