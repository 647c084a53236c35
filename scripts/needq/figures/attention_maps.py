"""The figure of attention on one sentence: where some heads look, pristine and damaged."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import ALL_BLOCKS, PRISTINE
from needq.figures import theme

# what a head may be known for, as a column of attention.tsv, and in words
KINDS = {
    "previous": "looks at the word before",
    "first": "looks at the first word",
    "self": "looks at the word itself",
    "entropy": "is the most selective",
}
SCALE, COLOURS = Normalize(0, 1), "cividis"
LONGEST = 10  # letters of a word on an axis
WIDTH, HEIGHT = 5.4, 2.9  # inches of the figure, and of a row of two maps


def chosen_heads(table: DataFrame) -> dict[tuple[int, int], str]:
    """Heads (block, head) of the pristine model, each with what it is known for.

    `table` is attention.tsv. They are the heads with the largest mean weight on the previous, the
    first and their own token, and the one with the lowest entropy; a head is taken once.
    """
    rows = table[table["method"] == PRISTINE].set_index(["block", "head"])
    found: dict[tuple[int, int], str] = {}
    for column, words in KINDS.items():
        values = rows[column] if column != "entropy" else -rows[column]
        block, head = values.idxmax()
        found.setdefault((int(block), int(head)), words)
    return found


def draw_maps(
    maps: Mapping[str, np.ndarray], words: Sequence[str], table: DataFrame, method: str
) -> Figure:
    """Draw the weights of the `chosen_heads` on one sentence, pristine beside damaged.

    `maps` are the result of `inference.attention_maps`, `words` the text of each token, and
    `method` is what replaces W_Q, in words.
    """
    heads = chosen_heads(table)
    theme.apply()
    figure = Figure(figsize=(WIDTH, HEIGHT * len(heads) + 1))
    axes = figure.subplots(len(heads), 2, squeeze=False)
    last = axes[-1][0]
    for row, ((block, head), known) in zip(axes, heads.items(), strict=True):
        for axis, name in zip(row, (PRISTINE, ALL_BLOCKS), strict=True):
            axis.imshow(maps[name][block, head], norm=SCALE, cmap=COLOURS)
            _label(axis, words, left=axis is row[0], below=row[0] is last)
        theme.set_title(row[0], f"Block {block}, head {head} {known}")
        theme.set_title(row[1], "The same head, W_Q of all blocks replaced")
        row[0].set_ylabel("word that looks")
    for axis in axes[-1]:
        axis.set_xlabel("word that is looked at")
    figure.colorbar(
        ScalarMappable(SCALE, COLOURS),
        ax=[axis for row in axes for axis in row],
        label="attention weight",
        location="top",
        shrink=0.6,
        aspect=30,
    )
    theme.write_footnote(
        figure,
        "Each row of a square adds up to 1. Heads are those of the pristine model with the most "
        f"weight of a kind, by tables/attention.tsv. W_Q is replaced by {method}.",
    )
    return figure


def _label(axis: Axes, words: Sequence[str], left: bool, below: bool) -> None:
    """Write the words along the axes, where there is room for them."""
    short = [word.strip()[:LONGEST] or "·" for word in words]
    places = range(len(short))
    axis.grid(False)
    axis.set_xticks(places, short if below else [""] * len(short), rotation=90, fontsize=7.5)
    axis.set_yticks(places, short if left else [""] * len(short), fontsize=7.5)
