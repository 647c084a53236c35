"""The figure of the intervention: the weights of a matrix beside the noise that replaces them."""

import numpy
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.figures import theme
from needq.plan.interventions import noise_parts


def draw_histogram(table: DataFrame, blocks_shown: int = 4) -> Figure:
    """The weights of some blocks' matrix beside the noise that replaces them, as densities."""
    stored = list(table["stored_noise"].unique())
    blocks = sorted(table["block"].unique())
    chosen = numpy.linspace(0, len(blocks) - 1, min(blocks_shown, len(blocks))).round().astype(int)
    figure, axes = theme.panels(len(stored), len(chosen))
    for name, row in zip(stored, axes, strict=True):
        for index, axis in zip(chosen, row, strict=True):
            part = table[(table["stored_noise"] == name) & (table["block"] == blocks[index])]
            edges = numpy.append(part["bin_low"], part["bin_high"].iloc[-1])
            widths = numpy.diff(edges)
            matrix, method, seed = noise_parts(name)
            looks = {
                "weights": {"label": f"W_{matrix.upper()}", "fill": True, "alpha": 0.35},
                "noise": {"label": f"{method}, seed {seed}", "linewidth": 1.5},
            }
            for colour, (column, look) in zip(theme.COLOURS, looks.items(), strict=False):
                density = part[column] / part[column].sum() / widths
                # an empty bin has no logarithm: its step falls below the axis
                axis.stairs(density.where(density > 0, 1e-9), edges, color=colour, **look)
            seen = numpy.concatenate([part[c] / part[c].sum() / widths for c in looks])
            axis.set_yscale("log")
            axis.set_ylim(seen[seen > 0].min() / 2, seen.max() * 6)
            axis.set_title(f"Block {blocks[index]}")
            axis.set_xlabel("weight")
            if axis is row[0]:
                axis.set_ylabel("density (log scale)")
        row[0].legend(loc="upper left")
    theme.footnote(figure, "gaussian has the mean and the standard deviation of the matrix.")
    return figure
