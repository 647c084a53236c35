"""Half-damage doses: of known curves, and as often inside their intervals as they say."""

import numpy
import pandas
import pytest
from needq.common import unit_columns
from needq.common.keys import TOO_SMALL
from needq.metrics import doses, statistics
from unit_data import evaluation

NOISE = [0.0, 0.25, 0.5, 1.0]
FACTORS = [0.0, 0.5, 1.0, 1.5, 2.0]


def steps(values, sweep="doses", method="gaussian"):
    pristine = 1.0 if method == "scaled" else 0.0
    return [
        {
            "sweep": sweep,
            "matrix": "q",
            "method": method,
            "intervention": f"{sweep}/{'none' if dose == pristine else f'{100 * dose:03.0f}'}",
            "dose": dose,
        }
        for dose in values
    ]


def rows_of(curve, values, noise=True, seeds=5, documents=20, spread=0.05, sweep="doses"):
    """Rows of a sweep whose mean rise is `curve` of the dose."""
    rng = numpy.random.default_rng(0)
    named = steps(values, sweep, "gaussian" if noise else "scaled")
    dosed = [step for step in named if not step["intervention"].endswith("none")]
    means = numpy.array([curve(step["dose"]) for step in dosed])
    seeds = seeds if noise else 1
    rises = means + spread * rng.normal(size=(seeds, documents, len(dosed)))
    return evaluation(sweep, [step["intervention"] for step in dosed], rises, noise), named


def test_the_half_dose_of_a_straight_line_is_half_of_the_last_dose():
    table, halves = doses.doses_tables(*rows_of(lambda dose: 2 * dose, NOISE))
    assert list(table) == list(unit_columns.DOSES)
    assert list(halves) == list(unit_columns.HALF_DOSES)
    assert table["dose"].tolist() == NOISE
    assert table["rise"].tolist() == pytest.approx([0, 0.5, 1, 2], abs=0.02)
    assert numpy.isnan(table["rise_low"][0])
    assert table["rise_low"][1] < table["rise"][1] < table["rise_high"][1]
    assert table["noise_seeds"].tolist() == [0, 5, 5, 5]
    [half] = halves.to_dict("records")
    assert half["measure"] == doses.HALF
    assert half["estimate"] == pytest.approx(0.5, abs=0.01)
    assert half["low"] < half["estimate"] < half["high"]
    assert half["full_rise"] == pytest.approx(2, abs=0.02)


def test_damage_that_begins_at_once_is_half_done_early():
    _, halves = doses.doses_tables(*rows_of(lambda dose: float(dose > 0), NOISE, spread=0.001))
    assert halves["estimate"][0] == pytest.approx(0.125, abs=0.01)


def test_factors_have_a_half_dose_on_either_side():
    curve = {0.0: 3.0, 0.5: 1.5, 1.0: 0.0, 1.5: 0.0, 2.0: 1.0}.__getitem__
    table, halves = doses.doses_tables(*rows_of(curve, FACTORS, noise=False))
    assert table["dose"].tolist() == FACTORS
    assert table["noise_seeds"].tolist() == [0] * 5
    assert halves["measure"].tolist() == [doses.BELOW, doses.ABOVE]
    assert halves["estimate"].tolist() == pytest.approx([0.5, 1.75], abs=0.02)
    assert (halves["low"] < halves["estimate"]).all()
    assert (halves["estimate"] < halves["high"]).all()
    assert halves["full_rise"].tolist() == pytest.approx([3, 1], abs=0.05)


def test_factors_on_one_side_have_one_half_dose():
    _, halves = doses.doses_tables(*rows_of(lambda dose: dose - 1, [1.0, 1.5, 2.0], noise=False))
    assert halves["measure"].tolist() == [doses.ABOVE]


def test_without_noise_intervals_are_over_documents():
    rows, named = rows_of(lambda dose: abs(dose - 1), FACTORS, noise=False)
    table, _ = doses.doses_tables(rows, named)
    own = rows[rows["intervention"] == "doses/050"].sort_values("document")
    rise = own["nll"].to_numpy() - 2 - own["document"].to_numpy()
    expected = statistics.mean_of_items(rise)
    row = table[table["dose"] == 0.5].iloc[0]
    assert [row["rise_low"], row["rise_high"]] == pytest.approx([expected.low, expected.high])


def test_too_few_noise_seeds_have_no_interval():
    _, halves = doses.doses_tables(*rows_of(lambda dose: dose, NOISE, seeds=3))
    assert halves[["low", "high"]].to_numpy().tolist() == [[TOO_SMALL, TOO_SMALL]]
    assert halves["estimate"][0] == pytest.approx(0.5, abs=0.1)


def test_no_damage_has_no_half_dose():
    _, halves = doses.doses_tables(*rows_of(lambda dose: -dose, NOISE, spread=0.001))
    assert halves["estimate"].isna().all()


def test_intervals_of_half_doses_cover_the_truth():
    rng, covered, count = numpy.random.default_rng(3), 0, 300
    places = numpy.array(NOISE)
    for _ in range(count):
        seed, document = rng.normal(size=(5, 1, 1)), rng.normal(size=(1, 30, 1))
        slope = 2 + 0.2 * seed + 0.4 * document
        rises = slope * places + 0.3 * places * rng.normal(size=(5, 30, 4))
        bend = 0.5 * rng.normal(size=(5, 1, 1)) * (places == 0.5)  # by which the truth stays 0.5
        curve = [(place, (rises + bend)[:, :, at]) for at, place in enumerate(places)]
        half, _ = doses.half_dose(curve, noise=True)
        covered += half.low <= 0.5 <= half.high
    assert 0.92 <= covered / count <= 0.985


def test_sweeps_are_apart():
    first, one = rows_of(lambda dose: dose, NOISE, sweep="a")
    second, other = rows_of(lambda dose: dose**2, NOISE, sweep="b")
    table, halves = doses.doses_tables(pandas.concat([first, second]), [*one, *other])
    assert table["sweep"].tolist() == ["a"] * 4 + ["b"] * 4
    assert halves["sweep"].tolist() == ["a", "b"]
    assert halves["estimate"][0] < halves["estimate"][1]
