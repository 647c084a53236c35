"""The figures of degradation: the evaluation text, and the generated texts."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.positions import BAND_NAMES
from needq.figures import theme
from needq.figures.axes import (
    BLOCK,
    BLOCKS,
    add_cuda,
    draw_line,
    has_single_blocks,
    set_labels,
    sort_by_place,
)
from needq.metrics.yardsticks import NGRAMS, YARDSTICK, compare

HEIGHTS = [1.35, 1.05]  # of the large panel and of those by band, in units of a stack's
RISE = "rise of nll (nats per token)\nlower is better"
TEXTS = {
    "seq_rep_4": "seq_rep_4 (share of 4-grams)\nlower is less repetitive",
    "distinct_2": "distinct_2 (share of 2-grams)\nhigher is more varied",
    "pristine_nll": "pristine_nll (nats per token)\nhigher is less probable",
}
TITLES = {
    "seq_rep_4": "Repetition in the generated texts",
    "distinct_2": "Variety of the generated texts",
    "pristine_nll": "Loss of the pristine model on the generated texts",
}


def draw_evaluation(table: DataFrame, baselines: DataFrame | None, cuda: bool) -> Figure:
    """Draw the rise of nll over the pristine model, by blocks replaced: of all tokens, and by band.

    `table` are rows of `degradation.tsv` of one backend, `baselines` those of `baselines.tsv`; None
    if no n-gram models were trained. Each sweep with texts has a large panel and one per band.
    """
    table = table[table["texts"] > 0]
    sweeps = sorted(table["sweep"].unique())
    theme.apply()
    height = sum(HEIGHTS) * theme.STACK[1] * len(sweeps)
    figure = Figure(figsize=(1.35 * theme.STACK[0], height + 0.5))
    grid = figure.add_gridspec(
        2 * len(sweeps), len(BAND_NAMES), height_ratios=HEIGHTS * len(sweeps)
    )
    for number, sweep in enumerate(sweeps):
        own = table[table["sweep"] == sweep]
        whole = figure.add_subplot(grid[2 * number, :])
        _draw_rise(whole, own, baselines, "rise")
        title = f"Rise of the loss on the evaluation text{_worse(own, baselines, 'rise')}"
        _label(whole, title if len(sweeps) == 1 else f"{title}: {sweep}", RISE)
        whole.set_xlabel(BLOCK if has_single_blocks(own) else BLOCKS)
        first = figure.add_subplot(grid[2 * number + 1, 0])
        others = [
            figure.add_subplot(grid[2 * number + 1, place], sharey=first)
            for place in range(1, len(BAND_NAMES))
        ]
        for axis, (band, name) in zip([first, *others], BAND_NAMES.items(), strict=True):
            _draw_rise(axis, own, baselines, f"rise_{band}")
            title = f"tokens {name}" + _worse(own, baselines, f"rise_{band}").replace(
                ": ", ":\n"
            ).replace("bigram ", "bigram\n")
            _label(axis, title, RISE if axis is first else "")
            axis.set_xlabel(BLOCK if has_single_blocks(own) else BLOCKS)
            axis.tick_params(labelleft=axis is first)
        _limit([first, *others], own, baselines, [f"rise_{band}" for band in BAND_NAMES])
        _limit([whole], own, baselines, ["rise"])
    theme.write_footnote(figure, add_cuda(_describe(table, baselines), cuda))
    return figure


def _label(axis: Axes, title: str, unit: str) -> None:
    axis.set_title(title, fontsize=9 if "\n" in title else 10)
    axis.set_ylabel(unit)
    theme.tick_whole_numbers(axis.xaxis)


def _draw_rise(axis: Axes, table: DataFrame, baselines: DataFrame | None, column: str) -> None:
    """Draw one panel: the rise with its interval, and a line for each n-gram model."""
    axis.axhline(0, color=theme.INK, linewidth=0.9, zorder=1)
    draw_line(axis, table, column, "", theme.style(0))
    for n, rise in _rises(baselines, column).items():
        color = theme.COLOURS[3] if n == YARDSTICK else theme.GREY
        width = 1.4 if n == YARDSTICK else 0.9
        axis.axhline(rise, color=color, linewidth=width, linestyle=(0, (4, 3)), zorder=1)


def _rises(baselines: DataFrame | None, column: str) -> dict[int, float]:
    """The rise of each n-gram model, by its n; none where documents have no such tokens."""
    if baselines is None:
        return {}
    return {int(n): rise for n, rise in baselines.set_index("n")[column].dropna().items()}


def _worse(table: DataFrame, baselines: DataFrame | None, column: str) -> str:
    """From how many blocks on the model predicts worse than a bigram, in words."""
    if YARDSTICK not in _rises(baselines, column) or has_single_blocks(table):
        return ""
    table, places = sort_by_place(table)
    worse = [YARDSTICK in compare(row, baselines, column).better for _, row in table.iterrows()]
    yardstick = NGRAMS[YARDSTICK]
    if not worse[-1]:
        return f": not worse than a {yardstick}"
    first = len(worse) - worse[::-1].index(False) if False in worse else 0
    if first == len(worse) - 1:
        return f": worse than a {yardstick} with {places[first]:.0f} blocks"
    return f": worse than a {yardstick} from {places[first]:.0f} blocks on"


def _limit(
    row: list[Axes], table: DataFrame, baselines: DataFrame | None, columns: list[str]
) -> None:
    """Set the range of a row of panels by the model's rise and the bigram's, and name the lines.

    Models beyond the range are named at its upper end, with their rise.
    """
    tops = [table[[column, f"{column}_high"]].max().max() for column in columns]
    tops += [_rises(baselines, column).get(YARDSTICK, 0) for column in columns]
    top = 1.22 * max([value for value in tops if value == value] or [1])
    row[0].set_ylim(-0.04 * top, top)
    for panel, column in zip(row, columns, strict=True):
        _name_lines(panel, _rises(baselines, column), top)


def _name_lines(axis: Axes, rises: dict[int, float], top: float) -> None:
    """Name the lines of n-gram models at their left ends, close ones together."""
    gap = 11 / (axis.get_window_extent().height * 72 / axis.figure.dpi) * top  # a line of print
    beyond = [n for n in sorted(rises) if rises[n] > top]
    groups: list[list[int]] = []
    for n in sorted(rises.keys() - beyond, key=rises.__getitem__):
        if groups and rises[n] - rises[groups[-1][-1]] < gap:
            groups[-1].append(n)
        else:
            groups.append([n])
    look: theme.Look = {"textcoords": "offset points", "fontsize": 8, "color": theme.INK}
    for group in groups:
        words = NGRAMS[group[0]]
        if len(group) > 1:  # a longer n-gram predicts better
            words = f"{min(group)}- {'to' if len(group) > 2 else 'and'} {max(group)}-gram"
        place = (0.01, rises[group[-1]])
        own = look | ({"color": theme.COLOURS[3]} if group == [YARDSTICK] else {})
        axis.annotate(words, place, (0, 1.5), ("axes fraction", "data"), va="bottom", **own)
    if beyond:
        words = ", ".join(f"{NGRAMS[n]} {rises[n]:.2f}" for n in beyond) + " ↑"
        axis.annotate(words, (0.01, 1), (0, -2), "axes fraction", va="top", **look)


def _describe(table: DataFrame, baselines: DataFrame | None) -> str:
    """What the lines are, in words."""
    seeds, documents = table["noise_seeds"].max(), table["documents"].max()
    text = (
        f"Backend {table['backend'].iloc[0]}, {seeds} noise seeds, {documents} documents: the nll "
        "of each document less that of the pristine model on it, mean with 95% interval. Small "
        "panels: by position in the document."
    )
    if baselines is None:
        return f"{text} No n-gram models were trained."
    return (
        f"{text} Dashed: n-gram models of the training text, which know no more than the last 0 to "
        "4 tokens. Worse: the 95% intervals are apart."
    )


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
