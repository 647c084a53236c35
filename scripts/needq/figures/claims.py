"""The figures of the claims: half-points, comparisons of sweeps, and single blocks."""

from collections.abc import Mapping
from math import isfinite, isinf, isnan

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series, to_numeric

from needq.common.keys import TOO_SMALL
from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, add_cuda, draw_level, draw_line, sort_by_place

TASKS = {"grammar": "grammar (structure)", "cloze": "cloze (meaning)"}
# the title of each panel, and what the sweeps in it are called (`needq.plan.comparisons`)
COMPARISONS = {
    "Another matrix does {} × the damage of W_Q": {
        "q": "W_Q",
        "k": "W_K",
        "v": "W_V",
        "o": "W_O",
    },
    "Another order of blocks does {} × the damage": {
        "q": "from the first block on",
        "end": "from the last block on",
        "random": "in random order",
    },
    "Another method does {} × the damage of Gaussian noise": {
        "q": "Gaussian noise",
        "permuted": "permuted weights",
        "zero": "zeros",
        "identity": "identity",
        "bias": "Gaussian noise, b_Q too",
    },
}


def draw_half_points(
    degradation: DataFrame, half_points: DataFrame, chances: Mapping[str, float], cuda: bool
) -> Figure:
    """Draw the accuracy on both tasks, the same scaled to 1 (pristine) and 0 (chance), half-points.

    `degradation` are rows of `degradation.tsv` of one backend and sweep, `half_points` is
    `half_points.tsv`, `chances` are the accuracies that guessing gives.
    """
    figure, axes = theme.stack(3, heights=[1, 0.9, 0.36], extra=0.4)
    raw, scaled, halves = (row[0] for row in axes)
    points = half_points.set_index("measure")
    last = degradation["blocks_replaced"].max()
    for index, (task, name) in enumerate(TASKS.items()):
        chance, look = chances[task], theme.style(index)
        draw_line(raw, degradation, task, name, look)
        draw_level(raw, chance, f"guessing, {task}", "above", "left", look["color"])
        pristine = degradation.loc[degradation["blocks_replaced"] == 0, task].iloc[0]
        if pristine > chance:
            kept = (degradation[task] - chance) / (pristine - chance)
            draw_line(scaled, degradation.assign(**{task: kept}), task, name, look, band=False)
        _draw_half_point(halves, points.loc[f"half-point of {task}"], index, 1.06 * last, look)
    raw.set_title("Accuracy on two tasks")
    raw.set_ylabel("right answers (share)\nhigher is better")
    raw.set_ylim(0, 1.03)
    place = {"loc": "outside upper left", "ncols": len(TASKS)}
    figure.legend(*raw.get_legend_handles_labels(), **place)
    scaled.set_title("Accuracy above guessing, as a share of the pristine model's")
    scaled.set_ylabel("1: pristine model\n0: guessing")
    draw_level(scaled, 0.5, "half lost", "above", "left")
    draw_level(scaled, 0, "guessing", "above", "left")
    when = ", ".join(_describe_half_point(points, task) for task in TASKS)
    theme.set_title(halves, f"Half-points (blocks replaced): {when}")
    halves.set_yticks(range(len(TASKS)), list(TASKS))
    halves.set_ylim(len(TASKS) - 0.5, -0.5)
    halves.set_xlabel(BLOCKS)
    halves.set_xlim(-0.03 * last, 1.1 * last)
    theme.tick_whole_numbers(halves.xaxis)
    seeds = degradation["noise_seeds"].max()
    few = (points["low"] == TOO_SMALL).any()
    marks = f"{TOO_SMALL} for intervals"
    if not few:
        marks = "95% intervals; an arrow means that the interval has no upper end in this sweep"
    text = (
        f"Backend {degradation['backend'].iloc[0]}, {seeds} noise seeds. Bands: 95% intervals over "
        f"seeds and items. Half-points: {marks}."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _draw_half_point(
    axis: Axes, point: Series, height: int, edge: float, look: Mapping[str, str]
) -> None:
    """Draw a half-point and its interval, with an arrow to the `edge` if that has no upper end."""
    if not isfinite(point["estimate"]):
        words = "not in this sweep" if isinf(point["estimate"]) else "no better than guessing"
        axis.text(edge, height, words, ha="right", va="center", color=look["color"])
        return
    low, high = (float(to_numeric(point[end], errors="coerce")) for end in ("low", "high"))
    if not isnan(low):
        axis.plot([low, min(high, edge)], [height] * 2, color=look["color"], linewidth=2)
        if isinf(high):
            axis.plot(edge, height, ">", color=look["color"], markersize=7, markeredgewidth=0)
    axis.plot(point["estimate"], height, look["marker"], color=look["color"], markersize=8)


def _describe_half_point(points: DataFrame, task: str) -> str:
    """The half-point of a task, in words."""
    value = points.loc[f"half-point of {task}", "estimate"]
    if isnan(value):
        return f"{task} from the start"
    return f"{task} never" if isinf(value) else f"{task} {value:.1f}"


def draw_comparisons(degradation: DataFrame, comparisons: Mapping[str, str], cuda: bool) -> Figure:
    """Draw the rise of nll in sweeps that differ from the article's in one setting, one panel each.

    `degradation` are rows of `degradation.tsv` of one backend; `comparisons` names the sweep of
    each comparison. A sweep that was not run has no line; a setting without sweeps has no panel.
    """
    shown = {
        title: {kind: name for kind, name in names.items() if kind in comparisons}
        for title, names in COMPARISONS.items()
    }
    shown = {title: names for title, names in shown.items() if len(names) > 1}
    figure, axes = theme.stack(max(1, len(shown)), extra=1.2)
    if not shown:
        theme.write_message(axes[0][0], "no sweep to compare was run")
    for (axis,), (title, names) in zip(axes, shown.items(), strict=False):
        own = {kind: degradation[degradation["sweep"] == comparisons[kind]] for kind in names}
        ratios = {kind: _damage_ratio(table, own["q"]) for kind, table in own.items()}
        for index, (kind, name) in enumerate(names.items()):
            text = name if kind == "q" else f"{name}: {ratios[kind]:.2f} ×"
            look = theme.style(index) | {"linewidth": 0.9 if _has_gaps(own[kind]) else 1.6}
            draw_line(axis, own[kind], "rise", text, look)
        others = [f"{ratio:.2f}" for ratio in sorted(ratios[k] for k in names if k != "q")]
        words = title.format(" to ".join(dict.fromkeys([others[0], others[-1]])))
        # the legend is between the title and the panel, where it hides no line
        lines = (len(names) + 1) // 2
        axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=2, borderpad=0.2)
        theme.set_title(axis, words, pad=8 + 14 * lines)
        axis.set_ylabel("rise of nll (nats per token)\nlower is better")
    axes[-1][0].set_xlabel(BLOCKS)
    theme.tick_whole_numbers(axes[-1][0].xaxis)
    seeds = degradation["noise_seeds"].max()
    text = (
        f"Backend {degradation['backend'].iloc[0]}, {seeds} noise seeds; bands: 95% intervals. "
        "Damage: mean rise of nll over the steps that both sweeps have. Only the markers are "
        "measured. All sweeps have the same documents and seeds, so ratios are more certain than "
        "the bands suggest; the page of claims has their intervals."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _has_gaps(table: DataFrame) -> bool:
    """Whether a sweep skips numbers of blocks."""
    return bool((table["blocks_replaced"].sort_values().diff() > 1).any())


def _damage_ratio(table: DataFrame, reference: DataFrame) -> float:
    """The mean rise of nll over the steps that both sweeps have, divided by the reference's."""
    rises = []
    common = set(table["blocks_replaced"]) & set(reference["blocks_replaced"]) - {0}
    for sweep in (table, reference):
        rises.append(sweep.set_index("blocks_replaced")["rise"].loc[sorted(common)].mean())
    return rises[0] / rises[1]


def draw_single_blocks(table: DataFrame, cuda: bool) -> Figure:
    """Draw the rise of nll if W_Q of a single block is replaced, by block.

    `table` are the rows of `degradation.tsv` of one backend and the sweep of single blocks; it is
    empty if that was not run.
    """
    figure, ((axis,),) = theme.stack(1)
    axis.set_ylabel("rise of nll (nats per token)\nlower is better")
    axis.set_xlabel(BLOCK)
    if table.empty:
        theme.write_message(axis, "no sweep of single blocks was run")
        return figure
    table, places = sort_by_place(table)
    rises = table["rise"].to_numpy(float)
    axis.bar(places, rises, 0.8, color=theme.COLOURS[0])
    ends = [rises - table["rise_low"], table["rise_high"] - rises]
    axis.errorbar(places, rises, ends, fmt="none", ecolor="black", elinewidth=1, capsize=2.5)
    largest = rises.argmax()
    theme.set_title(
        axis,
        f"Replacing block {places[largest]:.0f} costs most: {rises[largest]:.2g} nats, "
        f"{rises[largest] / rises.sum():.0%} of the sum over all blocks",
    )
    axis.axhline(0, color=theme.INK, linewidth=0.9)
    axis.grid(axis="x", visible=False)
    theme.tick_whole_numbers(axis.xaxis)
    seeds = table["noise_seeds"].max()
    text = f"Backend {table['backend'].iloc[0]}. Mean over {seeds} noise seeds and all documents, "
    theme.write_footnote(
        figure, add_cuda(f"{text}with its 95% interval. Blocks count from 0.", cuda)
    )
    return figure
