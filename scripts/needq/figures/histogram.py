"""The figure of the intervention: the weights of a matrix, and the noise that replaces them."""

import numpy
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import noise_parts
from needq.common.units import name_matrices
from needq.figures import theme

NOISE = {"gaussian": "Gaussian noise", "permuted": "permuted weights"}
NOISE |= {"zero": "zeros", "identity": "identity"}


def draw_histogram(table: DataFrame, blocks_shown: int = 4) -> Figure:
    """Draw the densities of weights and of noise for some blocks; `table` is `q_histogram.tsv`."""
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
                "weights": {"label": name_matrices(matrix), "fill": True, "alpha": 0.35},
                "noise": {"label": f"{NOISE.get(method, method)}, seed {seed}", "linewidth": 1.5},
            }
            for colour, (column, look) in zip(theme.COLOURS, looks.items(), strict=False):
                density = part[column] / part[column].sum() / widths
                # 0 has no logarithm: the step of an empty bin is put below the axis
                axis.stairs(density.where(density > 0, 1e-9), edges, color=colour, **look)
            densities = numpy.concatenate([part[c] / part[c].sum() / widths for c in looks])
            axis.set_yscale("log")
            axis.set_ylim(densities[densities > 0].min() / 2, densities.max() * 6)
            axis.set_title(f"Block {blocks[index]}")
            axis.set_xlabel("weight")
            if axis is row[0]:
                axis.set_ylabel("density (log scale)")
        row[0].legend(loc="upper left")
    theme.write_footnote(
        figure, "Gaussian noise has the mean and the standard deviation of the matrix."
    )
    return figure
