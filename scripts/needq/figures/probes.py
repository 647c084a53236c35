"""The figure of probes: what the residual stream tells after each block, property by property."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.probes import ACCURACY, PROPERTIES
from needq.figures import theme
from needq.figures.axes import draw_level

# of each property: the title of its panel
TITLES = {
    "previous token": "Which token stood before?",
    "last name": "Which name was mentioned last?",
    "number of the subject": "Is the subject singular or plural?",
    "end of sentence": "Does the sentence end next?",
    "position": "How many tokens stood before?",
}


def draw_probes(table: DataFrame, matrix: str) -> Figure:
    """Draw accuracy (or R2) by layer: a panel per property, a line per number of blocks replaced.

    `table` is `probes.tsv`; `matrix` is what the interventions replace, such as W_Q.
    """
    shown = [name for name in PROPERTIES if (table["property"] == name).any()]
    figure, axes = theme.stack(len(shown), extra=1.2)
    for (axis,), name in zip(axes, shown, strict=True):
        _draw_property(axis, table[table["property"] == name])
    axes[-1][0].set_xlabel("blocks passed")
    names = axes[0][0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper left", ncols=2, title=f"{matrix} replaced in")
    seeds, documents = int(table["noise_seeds"].max()), table["documents"].max()
    theme.write_footnote(
        figure,
        "Linear probes on the residual stream, tested on documents that they were not trained on. "
        "0 blocks passed: before the first block, where the stream has the token and its position "
        "alone. Dotted: the probe of the pristine model on its control task, where each word has a "
        f"random label. Bands, of the first and the last line: 95% intervals over {documents} "
        f"documents and {seeds} noise seed{'s' * (seeds != 1)}.",
    )
    return figure


def _draw_property(axis: Axes, table: DataFrame) -> None:
    """The lines of one property, with its level of chance."""
    for index, (count, rows) in enumerate(table.groupby("blocks_replaced")):
        rows = rows.sort_values("layer")
        look = theme.style(index)
        label = f"{count:.0f} block{'s' * (count != 1)}" if count else "no block (pristine)"
        axis.plot(rows["layer"], rows["score"], label=label, markeredgewidth=0, **look)
        if count in (0, table["blocks_replaced"].max()):  # more bands would hide each other
            band = (rows["score_low"], rows["score_high"])
            axis.fill_between(rows["layer"], *band, color=look["color"], alpha=0.16, linewidth=0)
    pristine = table[table["blocks_replaced"] == 0].sort_values("layer")
    control = {"color": theme.style(0)["color"], "linestyle": ":", "linewidth": 1.1}
    axis.plot(pristine["layer"], pristine["control"], label="control task, pristine", **control)
    first = table.iloc[0]
    accuracy = first["measure"] == ACCURACY
    draw_level(axis, first["majority"], "guessing" if accuracy else "the mean position", "below")
    axis.set_ylabel("accuracy" if accuracy else "R² (share of variance)")
    axis.set_ylim(min(first["majority"], table["score"].min()) - 0.12, 1.04)
    theme.tick_whole_numbers(axis.xaxis)
    theme.set_title(axis, f"{TITLES[first['property']]} {_say_scores(table)}")


def _say_scores(table: DataFrame) -> str:
    """What a probe of one property reads where the pristine model tells most, and with damage."""
    scores = table.set_index(["blocks_replaced", "layer"])["score"]
    layer, most = int(scores[0].idxmax()), int(table["blocks_replaced"].max())
    measure = "accuracy" if table["measure"].iloc[0] == ACCURACY else "R²"
    where = f"After {layer} block{'s' * (layer != 1)}" if layer else "Before the first block"
    blocks = f"{most} are" if most != 1 else "one is"
    words = f"{where}: {measure} {scores[0, layer]:.2f}"
    return f"{words}, and {scores[most, layer]:.2f} if {blocks} replaced"
