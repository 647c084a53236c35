"""Units are ranked by damage, and only reliable ranks are called so."""

import numpy
import pandas
import pytest
from needq.common import unit_columns
from needq.common.unit_columns import NOT_RELIABLE, RELIABLE, SPARE, TOO_FEW, WEAK
from needq.metrics import statistics
from needq.metrics.units import units_tables
from unit_data import crossed, evaluation, heads, unit


def tables(rises, units=None, noise=True):
    units = heads(5, 4, noise=noise) if units is None else units
    names = [one["intervention"] for one in units]
    return units_tables(evaluation("heads", names, rises, noise), units)


def planted(seed=0, seeds=5, weak=4.0, spare=-4.0):
    """Twenty units of which the eighth is worst, and the third does harm."""
    effects = numpy.linspace(0.5, 1.5, 20)
    effects[[7, 2]] = weak, spare
    return crossed(numpy.random.default_rng(seed), seeds, 40, 20, effects, spread=0.3)


def test_a_planted_unit_is_first_and_reliable():
    units, reliability = tables(planted())
    assert list(units) == list(unit_columns.UNITS)
    assert list(reliability) == list(unit_columns.UNIT_RELIABILITY)
    first = units.iloc[0]
    assert (first["block"], first["head"], first["rank"], first["verdict"]) == (1, 3, 1, WEAK)
    assert (first["rank_low"], first["rank_high"], first["top"]) == (1, 1, 1)
    last = units.iloc[-1]
    assert (last["block"], last["head"], last["rank"], last["verdict"]) == (0, 2, 20, SPARE)
    assert units["rank"].is_monotonic_increasing
    row = reliability.iloc[0]
    assert (row["verdict"], row["units"], row["k"]) == (RELIABLE, 20, 2)
    assert row["weak_points"] == (units["verdict"] == WEAK).sum() >= 1
    assert (row["noise_seeds"], row["documents"]) == (5, 40)


def test_the_interval_of_a_rise_is_that_of_crossed_means():
    rises = planted()
    units, _ = tables(rises)
    first = units.iloc[0]
    expected = statistics.mean_of_crossed(rises[:, :, 7])
    assert first["rise"] == pytest.approx(float(expected.mean))
    assert first["rise_low"] == pytest.approx(float(expected.low))
    assert first["rise_high"] == pytest.approx(float(expected.high))


def test_a_unit_that_never_matters_has_a_rise_of_exactly_0():
    rises = planted()
    rises[:, :, 2] = 0
    row = tables(numpy.abs(rises))[0].iloc[-1]
    assert (row["head"], row["rise"], row["rise_low"], row["rise_high"]) == (2, 0, 0, 0)


def test_too_few_noise_seeds_decide_nothing():
    units, reliability = tables(planted(seeds=3))
    assert reliability["verdict"].tolist() == [TOO_FEW]
    assert set(units["verdict"]) == {"undecided"}
    assert units["rank"].iloc[0] == 1


def test_one_seed_of_noise_gives_no_interval():
    units, reliability = tables(planted(seeds=1))
    assert units["rise_low"].isna().all()
    assert reliability[["concordance", "split_half", "p"]].isna().all(axis=None)


def test_without_noise_documents_alone_decide():
    units, reliability = tables(planted(seeds=1), noise=False)
    row = reliability.iloc[0]
    assert (row["noise_seeds"], row["verdict"]) == (0, RELIABLE)
    assert numpy.isnan(row["concordance"])
    assert units["verdict"].iloc[0] == WEAK
    expected = statistics.mean_of_items(planted(seeds=1)[0, :, 7])
    assert units["rise_low"].iloc[0] == pytest.approx(float(expected.low))


def test_where_all_units_are_alike_there_is_no_reliable_rank():
    """Though documents and seeds move each unit, by chance, as much as they please."""
    reliable, units_called = 0, 0
    for number in range(40):
        rng = numpy.random.default_rng(number)
        units, reliability = tables(crossed(rng, 5, 15, 20))
        reliable += reliability["verdict"].iloc[0] == RELIABLE
        units_called += set(units["verdict"]) != {"undecided"}
    assert reliable <= 1
    assert units_called == 0


def test_noise_that_moves_all_documents_alike_is_no_reliable_rank():
    """Documents agree, since each seed has one noise for all of them; seeds do not."""
    rng = numpy.random.default_rng(1)
    rises = rng.normal(size=(5, 1, 20)) + 0.05 * rng.normal(size=(5, 30, 20))
    _, reliability = tables(rises)
    row = reliability.iloc[0]
    assert row["split_half"] < 0.4
    assert row["p"] > 0.05
    assert row["verdict"] == NOT_RELIABLE


def test_a_weak_point_does_damage():
    """The highest of units that all help when they are replaced is none."""
    rises = planted() - 10
    units, reliability = tables(rises)
    assert reliability["verdict"].iloc[0] == RELIABLE
    assert WEAK not in set(units["verdict"])


def test_each_sweep_is_ranked_by_itself():
    others = [
        unit(f"q/single/{block:02d}", block, sweep="single", steps="single") for block in (0, 1)
    ]
    groups = [
        unit(f"q/dims/00d{group:02d}", 0, group=group, sweep="dims", steps="dimensions")
        for group in range(3)
    ]
    rows = pandas.concat(
        [
            evaluation("single", ["q/single/00", "q/single/01"], planted()[:, :, :2]),
            evaluation("dims", [one["intervention"] for one in groups], planted()[:, :, 5:8]),
        ]
    )
    units, reliability = units_tables(rows, [*others, *groups])
    assert reliability["sweep"].tolist() == ["single", "dims"]
    assert reliability["steps"].tolist() == ["single", "dimensions"]
    dims = units[units["sweep"] == "dims"]
    assert dims["group"].iloc[0] == 2
    assert dims["head"].isna().all()
    assert units["head"].dtype == "Int64"
