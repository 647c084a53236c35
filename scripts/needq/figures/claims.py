"""The figures of the claims: half-points, comparisons of sweeps, and single blocks."""

from collections.abc import Mapping
from math import isfinite, isinf, isnan

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from pandas import DataFrame, Series, to_numeric

from needq.common.keys import TOO_SMALL
from needq.figures import theme
from needq.figures.axes import BLOCK, BLOCKS, add_cuda, draw_level, draw_line, sort_by_place

TASKS = {
    "grammar": "grammar",
    "cloze inference": "inference",
    "cloze copying": "copying",
}
# the title of each panel, and what the sweeps in it are called (`needq.plan.comparisons`)
MATRICES = "Another matrix does {} × the damage of W_Q"
COMPARISONS = {
    MATRICES: {
        "q": "W_Q",
        "bias": "W_Q and b_Q",
        "k": "W_K",
        "v": "W_V",
        "o": "W_O",
    },
    "Half of the blocks in another order does {} × the damage": {
        "q": "from the first block on",
        "end": "from the last block on",
        "random": "in random order",
    },
    "Another method does {} × the damage of Gaussian noise": {
        "q": "Gaussian noise",
        "matched_scores": "noise, scores matched",
        "rotated_heads": "rotated heads",
        "rotated_inputs": "rotated inputs",
        "rolled_heads": "rolled heads",
        "permuted": "permuted weights",
        "zero": "zeros",
        "identity": "identity",
        "bias": "Gaussian noise, b_Q too",
    },
}

ORDERS = ("end", "random")


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


def draw_comparisons(degradation: DataFrame, comparisons: Mapping[str, str], cuda: bool) -> Figure:
    """Draw the rise of nll in sweeps that differ from the article's in one setting, by setting.

    `degradation` are rows of `degradation.tsv` of one backend; `comparisons` names the sweep of
    each comparison. A sweep that was not run has no line; a setting without sweeps has no panel.
    """
    shown = {
        title: {kind: name for kind, name in names.items() if kind in comparisons}
        for title, names in COMPARISONS.items()
    }
    if "k" not in comparisons:  # b_Q is no matrix: beside matrices, it is there for W_K alone
        shown[MATRICES].pop("bias", None)
    shown = {title: names for title, names in shown.items() if len(names) > 1}
    figure, axes = theme.stack(max(1, len(shown)), extra=1.2)
    if not shown:
        theme.write_message(axes[0][0], "no sweep to compare was run")
    for (axis,), (title, names) in zip(axes, shown.items(), strict=False):
        own = {kind: degradation[degradation["sweep"] == comparisons[kind]] for kind in names}
        # b_Q survives when W_Q is replaced, and b_K has no effect: W_K is compared with both
        fair = {"k": "bias"} if {"k", "bias"} <= set(own) else {}
        ratios = {
            kind: _damage_ratio(table, own[fair.get(kind, "q")], kind in ORDERS)
            for kind, table in own.items()
        }
        for index, (kind, name) in enumerate(names.items()):
            text = name if kind == "q" else f"{name}: {ratios[kind]:.2f} ×"
            if kind in fair:
                text += f" {names['bias']}"
            look = theme.style(index) | {"linewidth": 0.9 if _has_gaps(own[kind]) else 1.6}
            draw_line(axis, own[kind], "rise", text, look)
        shown_kinds = [kind for kind in names if kind not in ("q", *fair.values())]
        words = _describe_ratios(title, {kind: ratios[kind] for kind in shown_kinds}, names, fair)
        # the legend is between the title and the panel, where it hides no line
        lines = (len(names) + 1) // 2
        axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=2, borderpad=0.2)
        theme.set_title(axis, words, pad=8 + 14 * lines)
        axis.set_ylabel("rise of nll (nats\nper token)")
    axes[-1][0].set_xlabel(BLOCKS)
    theme.tick_whole_numbers(axes[-1][0].xaxis)
    seeds = degradation["noise_seeds"].max()
    text = (
        f"Backend {degradation['backend'].iloc[0]}, {seeds} noise seeds; bands: 95% intervals. "
        "Damage: mean rise of nll over the steps that both sweeps have; for orders, at half of the "
        "blocks, since they are equal at all blocks. Only the markers are measured. All sweeps "
        "have the same documents and seeds, so ratios are more certain than the bands suggest; the "
        "page of claims has their intervals."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


def _describe_ratios(
    title: str, ratios: Mapping[str, float], names: Mapping[str, str], fair: Mapping[str, str]
) -> str:
    """The title of a panel of comparisons: its ratios, apart those to another sweep than W_Q's."""
    apart = [
        f"{names[kind]} does {ratios[kind]:.2f} × the damage of {names[other]}"
        for kind, other in fair.items()
    ]
    others = [
        f"{ratio:.2f}" for ratio in sorted(ratios[kind] for kind in ratios if kind not in fair)
    ]
    if others:
        words = title.format(" to ".join(dict.fromkeys([others[0], others[-1]])))
        apart.append(words[0].lower() + words[1:] if apart else words)
    return "; ".join(apart)


def _has_gaps(table: DataFrame) -> bool:
    """Whether a sweep skips numbers of blocks."""
    return bool((table["blocks_replaced"].sort_values().diff() > 1).any())


def _damage_ratio(table: DataFrame, reference: DataFrame, half: bool) -> float:
    """The mean rise of nll over the steps that both sweeps have, divided by the reference's.

    `half` takes the step of about half of the blocks alone: with all blocks replaced, every order
    does the same damage.
    """
    common = sorted(set(table["blocks_replaced"]) & set(reference["blocks_replaced"]) - {0})
    steps = common
    if half and len(common) > 1:
        steps = [min(common[:-1], key=lambda count: abs(count - common[-1] / 2))]
    own, other = (
        sweep.set_index("blocks_replaced").loc[steps, "rise"].mean() for sweep in (table, reference)
    )
    return own / other


def draw_single_blocks(table: DataFrame, tasks: DataFrame, cuda: bool) -> Figure:
    """Draw the rise of nll, and the margins that are lost, if W_Q of one block is replaced.

    `table` and `tasks` are the rows of `degradation.tsv` and `tasks.tsv` of one backend and the
    sweep of single blocks; they are empty if that was not run.
    """
    figure, axes = theme.stack(2, extra=0.4)
    rise, lost = (row[0] for row in axes)
    rise.set_ylabel("rise of nll (nats\nper token)")
    lost.set_ylabel("margin lost (share of\nthe pristine model's)")
    lost.set_xlabel(BLOCK)
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
    for axis in (rise, lost):
        axis.grid(axis="x", visible=False)
        theme.tick_whole_numbers(axis.xaxis)
    seeds = table["noise_seeds"].max()
    text = (
        f"Backend {table['backend'].iloc[0]}, {seeds} noise seeds. Bars: means with their 95% "
        "intervals over seeds and documents or items. Blocks count from 0."
    )
    theme.write_footnote(figure, add_cuda(text, cuda))
    return figure


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
