"""The figure of healing: how much of the damage each set of parameters recovers, step by step."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.healing import DECIDING, WORDS
from needq.figures import theme
from needq.figures.axes import draw_level


def draw_healing(table: DataFrame) -> Figure:
    """Draw the share of the damage that is recovered, a panel per number of blocks; then the rise.

    `table` is `healing.tsv`. The last panel has the control: the pristine model, trained as long.
    """
    counts = sorted(set(table["blocks_replaced"]) - {0}, reverse=True)
    figure, axes = theme.stack(len(counts) + 1, heights=[1.25] * len(counts) + [0.8], extra=0.5)
    panels = [row[0] for row in axes]
    for axis, count in zip(panels, counts, strict=False):
        rows = table[table["blocks_replaced"] == count]
        _draw(axis, rows, "recovered")
        theme.set_title(axis, describe(rows))
        axis.set_ylabel("share of the damage\nthat is recovered")
        draw_level(axis, 1, "all of it", "below", "left")
        draw_level(axis, 0.5, "half", "above", "left")
        low = rows.loc[rows["step"] > 0, "recovered"].min()
        axis.set_ylim(min(-0.05, 1.1 * low), 1.08)
    control = table[table["blocks_replaced"] == 0]
    _draw(panels[-1], control, "rise")
    theme.set_title(panels[-1], "Control: the pristine model, trained as long")
    panels[-1].set_ylabel("rise of nll\n(nats per token)")
    draw_level(panels[-1], 0, "before training", "above")
    panels[-1].set_xlabel("training steps")
    panels[-1].set_xscale("log", base=2)
    steps = sorted(set(table["step"]) - {0})
    panels[-1].set_xticks(steps[-1:] + [step for step in steps if 1.3 * step <= steps[-1]])
    panels[-1].xaxis.set_major_formatter("{x:.0f}")
    panels[-1].minorticks_off()
    handles, names = panels[0].get_legend_handles_labels()
    title = "trained, while W_Q stays noise"
    figure.legend(handles, names, loc="outside upper left", ncols=3, title=title, alignment="left")
    seeds = f"{table['noise_seeds'].max()} noise seeds and {table['documents'].max()} documents"
    theme.write_footnote(
        figure,
        f"Mean over {seeds} that no training row comes from; bands: 95% intervals. 1: as good as "
        "the pristine model, trained as long.",
    )
    return figure


def describe(rows: DataFrame) -> str:
    """What is recovered at the end with one number of blocks, in the title's words."""
    end = rows[rows["step"] == rows["step"].max()].set_index("parameters")["recovered"]
    best = DECIDING if DECIDING in end.index else str(end.idxmax())
    return (
        f"W_Q of {rows['blocks_replaced'].iloc[0]} blocks is noise. Training {WORDS[best]} for "
        f"{rows['step'].max()} steps recovers {end[best]:.0%} of the damage"
    )


def _draw(axis: Axes, rows: DataFrame, column: str) -> None:
    """A line per set of parameters, with its interval, from the first step on."""
    for index, parameters in enumerate(WORDS):
        own = rows[(rows["parameters"] == parameters) & (rows["step"] > 0)]
        if own.empty:
            continue
        look = theme.style(index)
        axis.plot(own["step"], own[column], label=WORDS[parameters], markeredgewidth=0, **look)
        low, high = own[f"{column}_low"], own[f"{column}_high"]
        axis.fill_between(own["step"], low, high, color=look["color"], alpha=0.16, linewidth=0)
