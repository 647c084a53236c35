"""The figure of doses: a line per sweep, and the half-damage dose."""

import numpy as np
import pandas
from drawn import assert_same_bytes, line
from needq.common import unit_columns
from needq.figures.doses import draw_doses

WORDS = {"q": "W_Q, by dose", "factor": "W_Q, multiplied"}


def made(few=False):
    """Noise in two sweeps, and factors in one."""
    curves = {
        "q": ("gaussian", [0, 0.5, 1], [0, 0.8, 1]),
        "v": ("gaussian", [0, 0.5, 1], [0, 1, 3]),
        "factor": ("scaled", [0, 0.5, 1, 2], [2, 1, 0, 0.5]),
    }
    rows = [
        {"sweep": sweep, "matrix": "q", "method": method, "intervention": f"{sweep}/{dose}"}
        | {"dose": dose, "rise": rise, "rise_low": rise - 0.1, "rise_high": rise + 0.1}
        | {"noise_seeds": 0 if method == "scaled" else 5, "documents": 20}
        for sweep, (method, doses, rises) in curves.items()
        for dose, rise in zip(doses, rises, strict=True)
    ]
    halves = [
        ("q", "half-damage dose", 0.31, 0.3, 0.35, 1),
        ("v", "half-damage dose", 0.62, 0.6, np.inf, 3),
        ("factor", "half-damage factor below 1", 0.5, 0.4, 0.6, 2),
        ("factor", "half-damage factor above 1", np.nan, np.nan, np.nan, 0.5),
    ]
    halves = pandas.DataFrame(halves, columns=[n for n in unit_columns.HALF_DOSES if n != "matrix"])
    if few:
        halves = halves.assign(low="n too small", high="n too small")
    return pandas.DataFrame(rows, columns=list(unit_columns.DOSES)), halves


def test_noise_and_factors_have_a_panel_each():
    figure = draw_doses(*made(), WORDS)
    noise, factor = figure.axes
    assert line(noise, "W_Q, by dose").get_ydata().tolist() == [0, 0.8, 1]
    assert line(noise, "v").get_xdata().tolist() == [0, 0.5, 1]
    assert line(factor, "W_Q, multiplied").get_ydata().tolist() == [2, 1, 0, 0.5]
    assert "variance" in noise.get_xlabel()
    titles = [" ".join(axis.get_title("left").split()) for axis in figure.axes]
    assert titles[0] == "Half of the damage is done at a noise fraction of 0.31 (W_Q, by dose)"
    assert titles[1] == "Half of the damage is done at a factor of 0.50 (W_Q, multiplied)"


def test_the_half_dose_is_marked_at_half_of_the_rise():
    noise, factor = draw_doses(*made(), WORDS).axes
    crosses = [drawn for drawn in noise.lines if drawn.get_marker() == "x"]
    places = [(drawn.get_xdata()[0], drawn.get_ydata()[0]) for drawn in crosses]
    assert places == [(0.31, 0.5), (0.62, 1.5)]
    spans = [list(drawn.get_xdata()) for drawn in noise.lines if drawn.get_linewidth() == 3]
    assert spans == [[0.3, 0.35], [0.6, 1]]  # an infinite end is cut at the last dose
    assert sum(drawn.get_marker() == "x" for drawn in factor.lines) == 1


def test_too_few_seeds_have_no_interval():
    noise = draw_doses(*made(few=True), WORDS).axes[0]
    spans = [drawn.get_xdata() for drawn in noise.lines if drawn.get_linewidth() == 3]
    assert np.isnan(spans).all()


def test_one_kind_has_one_panel():
    doses, halves = made()
    assert len(draw_doses(doses[doses["sweep"] == "factor"], halves, WORDS).axes) == 1
    assert len(draw_doses(doses[doses["sweep"] != "factor"], halves, WORDS).axes) == 1


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(lambda: {"doses": draw_doses(*made(), WORDS)}, tmp_path)
