"""The figure of units: a map, marks of reliable units, and the largest rises with intervals."""

import numpy as np
import pandas
from drawn import assert_same_bytes, words
from matplotlib.patches import Rectangle
from needq.figures.units import draw_units
from needq.metrics.units import units_tables
from unit_data import crossed, evaluation, heads, unit


def made():
    """Heads with a weak point (block 1, head 3) and a spare one, and groups without."""
    effects = np.linspace(0.5, 1.5, 20)
    effects[[7, 2]] = 4, -4
    own = heads(5, 4)
    groups = [
        unit(f"q/dims/{block:02d}d{group:02d}", block, None, group, "dims", "dimensions")
        for block in range(3)
        for group in range(4)
    ]
    single = [unit(f"q/single/{b:02d}", b, sweep="single", steps="single") for b in range(3)]
    rng = np.random.default_rng(0)
    rows = pandas.concat(
        [
            evaluation(own[0]["sweep"], [one["intervention"] for one in own], rises)
            for own, rises in (
                (own, crossed(rng, 5, 40, 20, effects, 0.3)),
                (groups, crossed(rng, 5, 20, 12)),
                (single, crossed(rng, 5, 20, 3)),
            )
        ]
    )
    return units_tables(rows, [*own, *groups, *single])


def test_a_row_for_each_sweep_of_heads_or_dimensions():
    units, reliability = made()
    figure = draw_units(units, reliability)
    maps = [axis for axis in figure.axes if axis.get_xlabel() == "index of the block"]
    assert len(maps) == 2
    titles = [" ".join(axis.get_title("left").split()) for axis in maps]
    assert titles[0] == "W_Q, one head at a time: 1 weak point"
    assert titles[1] == "W_Q, one group of dimensions at a time: no reliable rank"
    assert "5 noise seeds" in words(figure)


def test_the_map_has_each_rise_at_its_place_and_0_in_white():
    units, reliability = made()
    axis = draw_units(units, reliability).axes[0]
    [mesh] = [drawn for drawn in axis.collections if drawn.get_array() is not None]
    values = np.asarray(mesh.get_array()).reshape(4, 5)
    for row in units[units["sweep"] == "heads"].itertuples():
        assert values[row.head, row.block] == row.rise
    low, high = mesh.get_clim()
    assert low == -high == -units["rise"].abs().max()


def test_reliable_units_are_marked():
    axis = draw_units(*made()).axes[0]
    frames = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
    assert [(frame.get_x() + 0.46, frame.get_y() + 0.46) for frame in frames] == [(1, 3)]
    crosses = [line for line in axis.lines if line.get_marker() == "x"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(0, 2)]


def test_the_largest_rises_are_named_with_their_intervals():
    units, reliability = made()
    axis = draw_units(units, reliability).axes[1]
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert len(names) == 10
    assert names[0] == "block 1, head 3"
    first = units[units["sweep"] == "heads"].iloc[0]
    spans = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2]
    assert [first["rise_low"], first["rise_high"]] in [list(span) for span in spans]


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(lambda: {"units": draw_units(*made())}, tmp_path)
