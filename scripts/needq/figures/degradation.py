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

HEIGHTS = [1.4, 0.9, 0.9, 0.9]  # of the large panel and of those by band, in units of a stack's
RISE = "rise of nll\n(nats per token)"
TEXTS = {
    "seq_rep_4": "seq_rep_4 (share of 4-grams)\nlower is less repetitive",
    "distinct_2": "distinct_2 (share of 2-grams)\nhigher is more varied",
    "pristine_nll": "pristine_nll (nats per token)\nhigher is less probable",
}
TITLES = {
    "seq_rep_4": "Repeated 4-grams in the texts",
    "distinct_2": "Different 2-grams in the texts",
    "pristine_nll": "Loss of the pristine model on the texts",
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
    figure = Figure(figsize=(theme.STACK[0], height + 0.5))
    grid = figure.add_gridspec(len(HEIGHTS) * len(sweeps), 1, height_ratios=HEIGHTS * len(sweeps))
    for number, sweep in enumerate(sweeps):
        own = table[table["sweep"] == sweep]
        row = len(HEIGHTS) * number
        whole = figure.add_subplot(grid[row, 0])
        parts = [figure.add_subplot(grid[row + place, 0]) for place in range(1, len(HEIGHTS))]
        title = f"Rise of the loss on the evaluation text{_worse(own, baselines, 'rise')}"
        title = title if len(sweeps) == 1 else f"{title}: {sweep}"
        _draw_rise(whole, own, baselines, "rise", title)
        for axis, (band, name) in zip(parts, BAND_NAMES.items(), strict=True):
            column = f"rise_{band}"
            title = f"Tokens {name}{_worse(own, baselines, column)}"
            _draw_rise(axis, own, baselines, column, title)
        parts[-1].set_xlabel(BLOCK if has_single_blocks(own) else BLOCKS)
        for axis in (whole, *parts[:-1]):
            axis.tick_params(labelbottom=False)
        _limit(parts, own, baselines, [f"rise_{band}" for band in BAND_NAMES])
        _limit([whole], own, baselines, ["rise"])
    theme.write_footnote(figure, add_cuda(_describe(table, baselines), cuda))
    return figure


def _draw_rise(
    axis: Axes, table: DataFrame, baselines: DataFrame | None, column: str, title: str
) -> None:
    """Draw one panel: the rise with its interval, and a line for each n-gram model."""
    axis.axhline(0, color=theme.INK, linewidth=0.9, zorder=1)
    draw_line(axis, table, column, "", theme.style(0))
    for n, rise in _rises(baselines, column).items():
        color = theme.RUST if n == YARDSTICK else theme.GREY
        width = 1.4 if n == YARDSTICK else 0.9
        axis.axhline(rise, color=color, linewidth=width, linestyle=(0, (4, 3)), zorder=1)
    theme.set_title(axis, title)
    axis.set_ylabel(RISE)
    theme.tick_whole_numbers(axis.xaxis)


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
    for panel, column in zip(row, columns, strict=True):
        panel.set_ylim(-0.04 * top, top)
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
        own = look | ({"color": theme.RUST} if group == [YARDSTICK] else {})
        axis.annotate(words, place, (0, 1.5), ("axes fraction", "data"), va="bottom", **own)
    if beyond:
        words = ", ".join(f"{NGRAMS[n]} {rises[n]:.2f}" for n in beyond) + " ↑"
        axis.annotate(words, (0.01, 1), (0, -2), "axes fraction", va="top", **look)


def _describe(table: DataFrame, baselines: DataFrame | None) -> str:
    """What the lines are, in words."""
    seeds, documents = table["noise_seeds"].max(), table["documents"].max()
    text = (
        f"Backend {table['backend'].iloc[0]}, {seeds} noise seeds, {documents} documents: the nll "
        "of each document less that of the pristine model on it, mean with 95% interval. Lower "
        "is better. Below: by the place of the token in its document."
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


def _describe_change(table: DataFrame, column: str) -> str:
    """A measure of the texts before and after: of the pristine model, and at the end of a sweep."""
    backends = list(dict.fromkeys(table["backend"]))
    own, places = sort_by_place(table[table["backend"] == backends[-1]])
    if has_single_blocks(own) or own[column].isna().any():
        return TITLES[column]
    first, last = own[column].iloc[0], own[column].iloc[-1]
    form = ".1f" if column == "pristine_nll" else ".0%"
    blocks = "1 block" if places[-1] == 1 else f"{places[-1]:.0f} blocks"
    aside = f" ({backends[-1]})" if len(backends) > 1 else ""
    return f"{TITLES[column]}: {first:{form}} pristine, {last:{form}} with {blocks}{aside}"


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
            set_labels(axis, sweep, sweeps, _describe_change(own, column), unit)
            axis.set_xlabel(BLOCK if has_single_blocks(own) else BLOCKS)
            axis.label_outer()
    axes[0][0].legend(loc="center right", title="backend")
    return figure, axes
