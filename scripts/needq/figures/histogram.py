"""The figure of the intervention: the weights of a matrix, and the noise that replaces them."""

import numpy
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import noise_parts
from needq.common.names import METHOD_NAMES
from needq.common.units import name_matrices
from needq.figures import theme

COLUMNS = 2
WIDTH = 2.9  # inches of a panel


def draw_histogram(table: DataFrame, blocks_shown: int = 4) -> Figure:
    """Draw the densities of weights and of noise for some blocks; `table` is `q_histogram.tsv`."""
    stored = list(table["stored_noise"].unique())
    blocks = sorted(table["block"].unique())
    chosen = numpy.linspace(0, len(blocks) - 1, min(blocks_shown, len(blocks))).round().astype(int)
    shown = [(name, blocks[index]) for name in stored for index in chosen]
    columns = min(COLUMNS, len(shown))
    figure, axes = theme.panels(-(-len(shown) // columns), columns)
    figure.set_figwidth(WIDTH * columns)
    panels = [axis for row in axes for axis in row]
    for axis, (name, block) in zip(panels, shown, strict=False):
        part = table[(table["stored_noise"] == name) & (table["block"] == block)]
        edges = numpy.append(part["bin_low"], part["bin_high"].iloc[-1])
        widths = numpy.diff(edges)
        matrix, method, seed = noise_parts(name)
        matrix = name_matrices(matrix)
        looks = {
            "weights": {"label": matrix, "fill": True, "alpha": 0.35},
            "noise": {"label": f"{METHOD_NAMES[method]}, seed {seed}", "linewidth": 1.5},
        }
        for colour, (column, look) in zip(theme.COLOURS, looks.items(), strict=False):
            density = part[column] / part[column].sum() / widths
            # 0 has no logarithm: the step of an empty bin is put below the axis
            axis.stairs(density.where(density > 0, 1e-9), edges, color=colour, **look)
        densities = numpy.concatenate([part[c] / part[c].sum() / widths for c in looks])
        axis.set_yscale("log")
        axis.set_ylim(densities[densities > 0].min() / 2, densities.max() * 30)
        theme.set_title(axis, f"{matrix} of block {block} and noise")
        axis.set_xlabel("weight")
        axis.set_ylabel("density (log scale)")
        if block == blocks[chosen[0]]:
            axis.legend(loc="upper left")
    for axis in panels[len(shown) :]:
        axis.set_axis_off()
    theme.write_footnote(
        figure, "Gaussian noise has the mean and the standard deviation of the matrix."
    )
    return figure
