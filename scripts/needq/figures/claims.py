"""The figures of the claims, each drawn from tables alone, of one backend."""

from collections.abc import Mapping
from math import isfinite, isinf, isnan

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series, to_numeric

from needq.common.keys import TOO_SMALL
from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, level, line, note, placed

PROBES = {"grammar": "structure (grammar)", "cloze": "meaning (cloze)"}
# the panels: the title, and the names of the sweeps in it by role (`needq.plan.comparisons`)
COMPARISONS = {
    "Another matrix: {} × the damage of W_Q": {"q": "W_Q", "k": "W_K", "v": "W_V", "o": "W_O"},
    "Another order: {} × the damage from the start": {
        "q": "from the start",
        "end": "from the end",
        "random": "at random",
    },
    "Another stand-in: {} × the damage of Gaussian noise": {
        "q": "Gaussian noise",
        "permuted": "its own weights, permuted",
        "zero": "zeros",
        "identity": "the identity",
        "bias": "noise, and b_Q too",
    },
}


def draw_half_points(
    degradation: DataFrame, phases: DataFrame, chances: Mapping[str, float], cuda: bool
) -> Figure:
    """When meaning and structure go: accuracies, and both scaled from 1 (pristine) to 0 (chance).

    `degradation` are rows of `degradation.tsv` of one backend and sweep, `phases` is `phases.tsv`,
    `chances` are the accuracies that guessing gives.
    """
    figure, axes = theme.stack(3, heights=[1, 0.9, 0.36])
    raw, scaled, halves = (row[0] for row in axes)
    points = phases.set_index("measure")
    last = degradation["blocks_replaced"].max()
    for index, (probe, name) in enumerate(PROBES.items()):
        chance, look = chances[probe], theme.style(index)
        line(raw, degradation, probe, name, look)
        level(raw, chance, f"chance, {probe}", "above", "left", look["color"])
        pristine = degradation.loc[degradation["blocks_replaced"] == 0, probe].iloc[0]
        if pristine > chance:
            kept = (degradation[probe] - chance) / (pristine - chance)
            line(scaled, degradation.assign(**{probe: kept}), probe, name, look, band=False)
        _half_point(halves, points.loc[f"half-point of {probe}"], index, 1.06 * last, look)
    raw.set_title("Items answered rightly")
    raw.set_ylabel("accuracy (share)\nhigher is better")
    raw.set_ylim(0, 1.03)
    raw.legend(loc="lower left")
    scaled.set_title("The same, from 1 (pristine model) to 0 (chance)")
    scaled.set_ylabel("accuracy above chance\nthat is left (share)")
    level(scaled, 0.5, "half lost", "above", "left")
    level(scaled, 0, "chance", "above", "left")
    when = ", ".join(_half(points, probe) for probe in PROBES)
    theme.title(halves, f"Half lost (blocks): {when}")
    halves.set_yticks(range(len(PROBES)), [name.split(" ")[0] for name in PROBES.values()])
    halves.set_ylim(len(PROBES) - 0.5, -0.5)
    halves.set_xlabel(BLOCKS)
    halves.set_xlim(-0.03 * last, 1.1 * last)
    theme.whole_numbers(halves.xaxis)
    seeds = degradation["noise_seeds"].max()
    few = (points["low"] == TOO_SMALL).any()
    marks = f"their intervals: {TOO_SMALL}" if few else "with 95% intervals, an arrow for no end"
    text = (
        f"Backend {degradation['backend'].iloc[0]}, {seeds} noise seeds. Bands: 95% intervals over "
        f"seeds and items. Half-points: {marks}."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _half_point(
    axis: Axes, point: Series, height: int, edge: float, look: Mapping[str, str]
) -> None:
    """Mark a half-point and its interval, with an arrow to the `edge` where that has no end."""
    if not isfinite(point["estimate"]):
        words = "not within this sweep" if isinf(point["estimate"]) else "at chance from the start"
        axis.text(edge, height, words, ha="right", va="center", color=look["color"])
        return
    low, high = (float(to_numeric(point[end], errors="coerce")) for end in ("low", "high"))
    if not isnan(low):
        axis.plot([low, min(high, edge)], [height] * 2, color=look["color"], linewidth=2)
        if isinf(high):
            axis.plot(edge, height, ">", color=look["color"], markersize=7, markeredgewidth=0)
    axis.plot(point["estimate"], height, look["marker"], color=look["color"], markersize=8)


def _half(points: DataFrame, probe: str) -> str:
    """When a probe is half lost, in words."""
    value = points.loc[f"half-point of {probe}", "estimate"]
    name = PROBES[probe].split(" ")[0]
    if isnan(value):
        return f"{name} from the start"
    return f"{name} never" if isinf(value) else f"{name} {value:.1f}"


def draw_comparisons(degradation: DataFrame, roles: Mapping[str, str], cuda: bool) -> Figure:
    """The nll where something else than the article's W_Q is replaced: a panel a comparison.

    `degradation` are rows of `degradation.tsv` of one backend; `roles` names the sweep in each
    role. A sweep that was not run has no line, and a comparison without sweeps no panel.
    """
    shown = {
        title: {role: name for role, name in names.items() if role in roles}
        for title, names in COMPARISONS.items()
    }
    shown = {title: names for title, names in shown.items() if len(names) > 1}
    figure, axes = theme.stack(max(1, len(shown)))
    if not shown:
        theme.said(axes[0][0], "no sweep to compare was run")
    for (axis,), (title, names) in zip(axes, shown.items(), strict=False):
        own = {role: degradation[degradation["sweep"] == roles[role]] for role in names}
        costs = {role: _cost(table, own["q"]) for role, table in own.items()}
        for index, (role, name) in enumerate(names.items()):
            text = name if role == "q" else f"{name}: {costs[role]:.2f} ×"
            line(axis, own[role], "nll", text, theme.style(index))
        others = [f"{cost:.2f}" for cost in sorted(costs[role] for role in names if role != "q")]
        theme.title(axis, title.format(" to ".join(dict.fromkeys([others[0], others[-1]]))))
        axis.set_ylabel("nll (nats per token)\nlower is better")
        axis.legend(loc="best")
    axes[-1][0].set_xlabel(BLOCKS)
    theme.whole_numbers(axes[-1][0].xaxis)
    seeds = degradation["noise_seeds"].max()
    text = (
        f"Backend {degradation['backend'].iloc[0]}, {seeds} noise seeds; bands: 95% intervals. "
        "Damage: mean rise of nll over the steps that both sweeps have. Sweeps share documents and "
        "seeds, so ratios are surer than the bands; the page of claims has their intervals."
    )
    theme.footnote(figure, note(text, cuda))
    return figure


def _cost(table: DataFrame, other: DataFrame) -> float:
    """The mean rise of nll over the steps that both sweeps have, as a share of the other's."""
    rises = []
    common = set(table["blocks_replaced"]) & set(other["blocks_replaced"]) - {0}
    for sweep in (table, other):
        nll = sweep.set_index("blocks_replaced")["nll"]
        rises.append(nll.loc[sorted(common)].mean() - nll.loc[0])
    return rises[0] / rises[1]


def draw_single_blocks(table: DataFrame, cuda: bool) -> Figure:
    """What each block's W_Q costs if it alone is replaced, as KL from the pristine model.

    `table` are the rows of `degradation.tsv` of one backend and the sweep of single blocks; none
    if it was not run.
    """
    figure, ((axis,),) = theme.stack(1)
    axis.set_ylabel("KL (nats per token)\nlower is closer")
    axis.set_xlabel(BLOCK)
    if table.empty:
        theme.said(axis, "no sweep of single blocks was run")
        return figure
    table, places = placed(table)
    costs = table["kl"].to_numpy(float)
    axis.bar(places, costs, 0.8, color=theme.COLOURS[0])
    ends = [costs - table["kl_low"], table["kl_high"] - costs]
    axis.errorbar(places, costs, ends, fmt="none", ecolor="black", elinewidth=1, capsize=2.5)
    first = costs.argmax()
    theme.title(
        axis,
        f"Block {places[first]:.0f} costs most: {costs[first]:.2g} nats, "
        f"{costs[first] / costs.sum():.0%} of all blocks' sum",
    )
    axis.set_ylim(bottom=0)
    axis.grid(axis="x", visible=False)
    theme.whole_numbers(axis.xaxis)
    seeds = table["noise_seeds"].max()
    text = f"Backend {table['backend'].iloc[0]}. Mean over {seeds} noise seeds and all documents, "
    theme.footnote(figure, note(f"{text}with its 95% interval. Blocks count from 0.", cuda))
    return figure
