"""The figures of the claims: half-points, and single blocks."""

from collections.abc import Mapping
from math import isfinite, isinf, isnan

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from pandas import DataFrame, Series, to_numeric

from needq.common.keys import LABELS, TOO_SMALL
from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, add_cuda, draw_level, draw_line, sort_by_place

TASKS = {
    "grammar": "grammar",
    "cloze inference": "inference",
    "cloze copying": "copying",
}


def draw_half_points(
    tasks: DataFrame, half_points: DataFrame, chances: Mapping[str, float], cuda: bool
) -> Figure:
    """Draw the accuracy on each task, the share of the margin that is kept, and its half-points.

    `tasks` are rows of `tasks.tsv` of one backend and sweep, `half_points` is `half_points.tsv`,
    `chances` are the accuracies that guessing gives on grammar and cloze.
    """
    figure, axes = theme.stack(3, heights=[1, 1, 0.45], extra=0.4)
    raw, scaled, halves = (row[0] for row in axes)
    points = half_points.set_index("measure")
    shown = [task for task in TASKS if (tasks["task"] == task).any()]
    if not shown:
        theme.write_message(raw, "no item was asked")
        return figure
    last, kept = tasks["blocks_replaced"].max(), {}
    for index, task in enumerate(TASKS):
        if task not in shown:
            continue
        look, own = theme.style(index), tasks[tasks["task"] == task]
        name = f"{TASKS[task]}: {own['items'].max()} items"
        draw_line(raw, own, "accuracy", name, look)
        draw_line(scaled, own, "kept", name, look)
        kept[task] = own.loc[own["blocks_replaced"] == last, "kept"].iloc[0]
        _draw_half_point(halves, points.loc[f"half-point of the {task} margin"], index, last, look)
    for task in ("grammar", "cloze"):
        draw_level(raw, chances[task], f"guessing, {task}", "above", "left")
    raw.set_title("Selected items: all are right before any damage")
    raw.set_ylabel("right answers (share)\nhigher is better")
    raw.set_ylim(0, 1.03)
    place: theme.Look = {"loc": "outside upper left", "ncols": len(TASKS), "columnspacing": 0.8}
    figure.legend(*raw.get_legend_handles_labels(), **place)
    words = ", ".join(f"{TASKS[task]} {share:.0%}" for task, share in kept.items())
    theme.set_title(scaled, f"Margin that is left with {last:.0f} blocks replaced: {words}")
    scaled.set_ylabel("margin (share of the\npristine model's)")
    draw_level(scaled, 0.5, "half lost", "above", "left")
    draw_level(scaled, 0, "no preference", "above", "left")
    when = ", ".join(_describe_half_point(points, task, last) for task in shown)
    theme.set_title(halves, f"Half of the margin is lost with this many blocks: {when}")
    halves.set_yticks(range(len(TASKS)), list(TASKS.values()))
    halves.set_ylim(len(TASKS) - 0.5, -0.5)
    halves.set_xlabel(BLOCKS)
    halves.set_xlim(-0.03 * last, 1.1 * last)
    theme.tick_whole_numbers(halves.xaxis)
    seeds = tasks["noise_seeds"].max()
    few = (points["low"] == TOO_SMALL).any()
    marks = f"{TOO_SMALL} for intervals"
    if not few:
        marks = "95% intervals; an arrow means that the interval has no upper end in this sweep"
    text = (
        f"Backend {tasks['backend'].iloc[0]}, {seeds} noise seeds. Margin: log probability of the "
        "right candidate minus that of the best wrong one. Bands: 95% intervals over seeds and "
        f"items; those of margins are paired with the pristine model. Half-points: {marks}."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _draw_half_point(
    axis: Axes, point: Series, height: int, last: float, look: Mapping[str, str]
) -> None:
    """Draw a half-point and its interval, with an arrow beyond `last` if that has no upper end."""
    edge = 1.06 * last
    if not isfinite(point["estimate"]):
        words, low = "no preference", to_numeric(point["low"], errors="coerce")
        if isinf(point["estimate"]):
            words = "not in this sweep" + (f" ({low:.1f} or more)" if isfinite(low) else "")
        axis.text(edge, height, words, ha="right", va="center", color=theme.INK)
        return
    low, high = (float(to_numeric(point[end], errors="coerce")) for end in ("low", "high"))
    if not isnan(low):
        axis.plot([low, min(high, edge)], [height] * 2, color=look["color"], linewidth=2)
        if isinf(high):
            axis.plot(edge, height, ">", color=look["color"], markersize=7, markeredgewidth=0)
    axis.plot(point["estimate"], height, look["marker"], color=look["color"], markersize=8)


def _describe_half_point(points: DataFrame, task: str, last: float) -> str:
    """The half-point of the margin on a task, in words; `last` is the largest number of blocks."""
    value = points.loc[f"half-point of the {task} margin", "estimate"]
    if isnan(value):
        return f"{TASKS[task]} from the start"
    return f"{TASKS[task]} {f'not with {last:g}' if isinf(value) else f'{value:.1f}'}"


def draw_single_blocks(table: DataFrame, tasks: DataFrame, shares: DataFrame, cuda: bool) -> Figure:
    """Draw the rise of nll, the margins that are lost, and the labels, if one W_Q is replaced.

    `table`, `tasks` and `shares` are the rows of `degradation.tsv`, `tasks.tsv` and `labels.tsv` of
    one backend and the sweep of single blocks; they are empty if that was not run. Texts have a
    panel if some have a label.
    """
    has_labels = shares.loc[shares["label"].isin(LABELS), "share"].any()
    figure, axes = theme.stack(3 if has_labels else 2, extra=0.4)
    panels = [row[0] for row in axes]
    rise, lost = panels[:2]
    rise.set_ylabel("rise of nll (nats\nper token)")
    lost.set_ylabel("margin lost (share of\nthe pristine model's)")
    panels[-1].set_xlabel(BLOCK)
    if table.empty:
        theme.write_message(rise, "no sweep of single blocks was run")
        return figure
    table, places = sort_by_place(table)
    _draw_bars(rise, places, 0.8, table["rise"], table["rise_low"], table["rise_high"], 3, "")
    rises = table["rise"].to_numpy(float)
    largest = rises.argmax()
    theme.set_title(
        rise,
        f"Replacing block {places[largest]:.0f} costs most: {rises[largest]:.2g} nats per token, "
        f"{rises[largest] / rises.sum():.0%} of the sum over all blocks",
    )
    most = []
    for index, task in enumerate(("grammar", "cloze inference")):
        own = tasks[tasks["task"] == task]
        if own.empty:
            continue
        own, at = sort_by_place(own)
        values, low, high = (1 - own[end] for end in ("kept", "kept_high", "kept_low"))
        _draw_bars(lost, at + 0.4 * (index - 0.5), 0.38, values, low, high, index, TASKS[task])
        worst = values.to_numpy().argmax()
        most.append(f"{values.iloc[worst]:.0%} on {TASKS[task]} (block {at[worst]:.0f})")
    words = f"At most, one block costs {' and '.join(most)}" if most else "No item was asked"
    theme.set_title(lost, words)
    for axis in (rise, lost):
        axis.axhline(0, color=theme.GREY, linewidth=0.8)
    draw_level(lost, 1 / 5, "a fifth", "above", "right")
    if most:
        figure.legend(*lost.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    for axis in panels[2:]:
        _draw_near_normal(axis, shares[shares["label"] == LABELS[0]])
    for axis in panels:
        axis.grid(axis="x", visible=False)
        theme.tick_whole_numbers(axis.xaxis)
    seeds = table["noise_seeds"].max()
    text = (
        f"Backend {table['backend'].iloc[0]}, {seeds} noise seeds. Means with their 95% "
        "intervals over seeds and documents, items or texts. Blocks count from 0. Items of grammar "
        "count alike here, and phenomena do in the test of C1."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _draw_near_normal(axis: Axes, shares: DataFrame) -> None:
    """Draw the share of texts that are near normal with each block replaced by itself."""
    shares, places = sort_by_place(shares)
    values, low, high = (shares[name] for name in ("share", "share_low", "share_high"))
    ends = [values - low, high - values]
    look: theme.Look = {"fmt": "o", "color": theme.INK, "elinewidth": 1, "capsize": 2}
    axis.errorbar(places, values, ends, **look)
    draw_level(axis, 4 / 5, "four fifths", "below", "right")
    axis.set_ylim(0, 1.05)
    axis.set_ylabel(f"{LABELS[0]} texts\n(share)")
    fewest, texts = values.to_numpy().argmin(), shares["texts"].max()
    words = f"{values.iloc[fewest]:.0%} of {texts} texts are {LABELS[0]}"
    if values.iloc[fewest] < 1:
        words = f"With block {places[fewest]:.0f}, only {words}"
    else:
        words = f"Whichever block is replaced, {words}"
    theme.set_title(axis, words)


def _draw_bars(
    axis: Axes,
    places: ndarray,
    width: float,
    values: Series,
    low: Series,
    high: Series,
    colour: int,
    label: str,
) -> None:
    """Draw bars with their intervals."""
    axis.bar(places, values, width, color=theme.COLOURS[colour], label=label)
    ends = [values - low, high - values]
    axis.errorbar(places, values, ends, fmt="none", ecolor="black", elinewidth=1, capsize=2)
