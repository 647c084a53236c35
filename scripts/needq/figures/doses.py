"""The figure of doses: the damage by each, and the dose that does half of the damage."""

from collections.abc import Mapping

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from needq.common.keys import SCALED
from needq.figures import theme

NOISE = "share of the variance that is noise (0: pristine model)"
FACTOR = "factor of the matrix (1: pristine model)"


def draw_doses(doses: DataFrame, halves: DataFrame, words: Mapping[str, str]) -> Figure:
    """Draw the rise of nll by dose: of noise in one panel, of factors in another.

    `doses` is `doses.tsv`, `halves` is `half_doses.tsv`, `words` say what sweeps are called. A line
    for each sweep, with its interval; a large marker at the dose that does half of the damage.
    """
    scaled = doses["method"] == SCALED
    kinds = [(rows, of) for rows, of in ((doses[~scaled], NOISE), (doses[scaled], FACTOR))]
    kinds = [(rows, of) for rows, of in kinds if len(rows)]
    figure, axes = theme.panels(len(kinds), 1)
    figure.set_size_inches(theme.STACK[0], 1.2 * theme.PANEL[1] * len(kinds))
    for (axis,), (rows, of) in zip(axes, kinds, strict=True):
        _draw_lines(axis, rows, halves, words)
        axis.set_xlabel(of)
        axis.set_ylabel("rise of nll (nats per token)\nlower is better")
        theme.set_title(axis, _describe(rows, halves, of, words))
    seeds, documents = doses["noise_seeds"].max(), doses["documents"].max()
    theme.write_footnote(
        figure,
        f"Bands: 95% intervals over noise seeds ({seeds}) and documents ({documents}). Crosses: "
        "the dose that does half of the damage of the last dose on its side, and its 95% interval.",
    )
    return figure


def _draw_lines(axis: Axes, doses: DataFrame, halves: DataFrame, words: Mapping[str, str]) -> None:
    axis.axhline(0, color=theme.INK, linewidth=0.9, zorder=1)
    for index, (sweep, rows) in enumerate(doses.groupby("sweep", sort=False)):
        look = theme.style(index)
        name = words.get(str(sweep), str(sweep))
        axis.plot(rows["dose"], rows["rise"], label=name, markeredgewidth=0, **look)
        low, high = (rows[f"rise_{end}"].fillna(rows["rise"]) for end in ("low", "high"))
        axis.fill_between(rows["dose"], low, high, color=look["color"], alpha=0.16, linewidth=0)
        for _, half in halves[halves["sweep"] == sweep].iterrows():
            height = half["full_rise"] / 2
            ends = [_number(half[end]) for end in ("low", "high")]
            inside = numpy.clip(ends, rows["dose"].min(), rows["dose"].max())
            axis.plot(inside, [height, height], color=look["color"], linewidth=3, alpha=0.55)
            if numpy.isfinite(half["estimate"]):
                axis.plot(half["estimate"], height, "x", color=look["color"], markersize=9, mew=2.2)
    axis.legend(loc="best")


def _number(end: object) -> float:
    """An end of an interval as a number; NaN if there are too few noise seeds."""
    try:
        return float(str(end))
    except ValueError:
        return numpy.nan


def _describe(doses: DataFrame, halves: DataFrame, of: str, names: Mapping[str, str]) -> str:
    """What the panel shows, with the half-damage doses of its first sweep."""
    first = doses["sweep"].iloc[0]
    found = halves[(halves["sweep"] == first) & numpy.isfinite(halves["estimate"])]
    if found.empty:
        return "Damage by dose"
    words = " and ".join(f"{value:.2f}" for value in found["estimate"])
    what = "a noise fraction" if of == NOISE else "a factor"
    return f"Half of the damage is done at {what} of {words} ({names.get(first, first)})"
