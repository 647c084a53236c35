"""The page of what to protect says what is reliable, and that of doses the half-damage doses."""

import re
from pathlib import Path

import numpy
import pandas
import pytest
from needq.common import tables, unit_columns
from needq.common.published import read_table
from needq.metrics.doses import doses_tables
from needq.metrics.units import units_tables
from needq.report.units import UnitPages, describe_doses, describe_units
from page_reader import Reader
from unit_data import crossed, evaluation, heads

TEMPLATES = sorted((Path(__file__).parents[3] / "report/templates").iterdir())


@pytest.fixture
def written(tmp_path):
    """A function that gives tables as they are read back from files."""

    def write(names, made):
        found = []
        for name, table in zip(names, made, strict=True):
            tables.write_table(tmp_path / f"{name}.tsv", table, tables.MEASURED)
            found.append(read_table(tmp_path / f"{name}.tsv"))
        return found

    return write


def ranked(effects, seeds=5, spread=0.2):
    units = heads(5, 4)
    names = [one["intervention"] for one in units]
    rises = crossed(numpy.random.default_rng(0), seeds, 20, 20, effects, spread)
    return units_tables(evaluation("heads", names, rises), units)


def planted():
    effects = numpy.linspace(0.1, 2, 20)
    effects[[7, 13]] = 4, 3
    return ranked(effects)


def page():
    return UnitPages(TEMPLATES, "test", ["cpu"], cuda=False)


def test_the_first_sentence_names_the_weak_points(written):
    units, reliability = written(("units", "unit_reliability"), planted())
    text = Reader(page().units(units, reliability)).text
    words = "W_Q, one head at a time: of 20 units, weak points are block 1, head 3 (nll rises by "
    assert words in " ".join(text.split())
    assert re.search(r"W_Q, one head at a time\s*heads\s*20", text)  # in the table of rankings
    assert "block 3, head 1" in text
    assert "tables/units.tsv" in text
    for name in unit_columns.UNIT_RELIABILITY:
        assert name in text or name in ("matrix", "noise_seeds", "documents")
    assert "group of dimensions" not in text.split("What the columns mean")[0]


def test_a_ranking_that_is_not_reliable_is_called_so():
    [sentence] = describe_units(*ranked(None, spread=1))
    assert sentence == "W_Q, one head at a time: there is no reliable rank."


def test_too_few_seeds_are_called_so():
    [sentence] = describe_units(*ranked(None, seeds=2))
    assert "too few noise seeds" in sentence


def test_a_reliable_ranking_without_a_weak_point_is_called_so():
    units, reliability = planted()
    [sentence] = describe_units(units.assign(verdict="undecided"), reliability)
    assert "reliable" in sentence
    assert "no unit is reliably among the 2 with the largest rise" in sentence


def test_the_page_of_doses(written):
    steps = [
        {"sweep": "d", "matrix": "q", "method": "gaussian", "intervention": name, "dose": dose}
        for name, dose in (("d/none", 0.0), ("d/050", 0.5), ("d/100", 1.0))
    ]
    rng = numpy.random.default_rng(0)
    rises = numpy.array([1.0, 2.0]) + 0.1 * rng.normal(size=(5, 20, 2))
    made = doses_tables(evaluation("d", ["d/050", "d/100"], rises), steps)
    doses, halves = written(("doses", "half_doses"), made)
    words = {"sweeps": {"d": "W_Q, by dose: Gaussian noise"}, "steps": {}, "interventions": {}}
    named = UnitPages(TEMPLATES, "test", ["cpu"], cuda=False, names=words)
    text = " ".join(Reader(named.doses(doses, halves)).text.split())
    assert "W_Q, by dose: Gaussian noise. The half-damage dose is 0.5" in text
    assert "W_Q, by dose: Gaussian noise (sweep d)" in text
    assert re.search(
        r"W_Q, by dose: Gaussian noise\s*half-damage dose\s*0\.5", text
    )  # in the table
    assert "tables/doses.tsv" in text
    few = pandas.DataFrame(halves).assign(low="n too small", high="n too small")
    [sentence] = describe_doses(few)
    assert "(n too small)" in sentence
