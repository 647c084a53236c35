"""Which units are ranked, and which doses there are: by the config alone."""

from needq.plan import estimate, units
from needq.plan.cost import Shape
from needq.plan.report_pages import report_pages
from needq.plan.selection import Selection
from planning import read

HEADS = ("sweeps.heads", {"run": "scores", "steps": "heads", "heads": [0, 3]})
GROUPS = ("sweeps.groups", {"run": "scores", "matrix": "k", "steps": "dimensions", "groups": 4})
DOSED = ("sweeps.dosed", {"run": "scores", "steps": "doses", "doses": [0.25, 1]})
FACTORS = {"run": "scores", "steps": "doses", "method": "scaled", "doses": [0, 0.5, 2]}
FACTORS = ("sweeps.factors", FACTORS)


def select(*changes):
    return Selection(read(*changes), False)


def test_the_default_run_has_neither():
    selection = select()
    assert units.unit_sweeps(selection) == units.dose_sweeps(selection) == []
    assert units.units(selection) == units.doses(selection) == []
    assert list(units.unit_pages(selection)) == []
    assert units.table_jobs(selection) == 0


def test_units_are_where_their_interventions_are():
    found = units.units(select(HEADS, GROUPS))
    by_id = {one["intervention"]: one for one in found}
    assert len(found) == len(by_id) == 12 + 24 + 48  # single blocks, too
    head = by_id["q/heads/07h03"]
    assert (head["block"], head["head"], head["group"]) == (7, 3, None)
    assert (head["sweep"], head["matrix"], head["steps"]) == ("heads", "q", "heads")
    group = by_id["k/groups/11d02"]
    assert (group["block"], group["head"], group["group"], group["matrix"]) == (11, None, 2, "k")
    block = by_id["q/single/05"]
    assert (block["block"], block["head"], block["group"]) == (5, None, None)
    assert all(one["noise"] for one in found)


def test_a_method_without_noise_is_said():
    name, sweep = HEADS
    found = units.units(select((name, sweep | {"method": "zero"}), ("sweeps.single.run", "off")))
    assert not any(one["noise"] for one in found)
    assert len(found) == 24


def test_heads_of_a_sweep_of_single_blocks_are_no_units_of_their_own():
    changes = (HEADS, ("sweeps.single.heads", [1]))
    found = [one for one in units.units(select(*changes)) if one["sweep"] == "single"]
    assert {one["head"] for one in found} == {None}


def test_sweeps_that_are_off_do_not_count():
    name, sweep = HEADS
    assert units.unit_sweeps(select((name, sweep | {"run": "off"}))) == []
    assert units.dose_sweeps(select((DOSED[0], DOSED[1] | {"run": "off"}))) == []


def test_doses_begin_with_the_pristine_model():
    found = units.doses(select(DOSED, FACTORS))
    assert [(one["intervention"], one["dose"]) for one in found] == [
        ("q/dosed/none", 0.0),
        ("q/dosed/025", 0.25),
        ("q/dosed/100", 1.0),
        ("q/factors/none", 1.0),
        ("q/factors/000", 0.0),
        ("q/factors/050", 0.5),
        ("q/factors/200", 2.0),
    ]
    assert {one["method"] for one in found} == {"gaussian", "scaled"}


def test_pages_and_jobs_are_those_of_what_is_run():
    assert set(report_pages(select(HEADS))) - set(report_pages(select())) == {"units"}
    assert set(report_pages(select(DOSED))) - set(report_pages(select())) == {"doses"}
    assert units.table_jobs(select(HEADS, DOSED)) == 4
    shape = Shape(12, 128, 512, 2, 128, 4000)
    for change, name in ((HEADS, "heads"), (DOSED, "dosed")):
        more = len(list(estimate.Run(read(change), False, shape).jobs()))
        fewer = len(list(estimate.Run(read(), False, shape).jobs()))
        own = {one for chunk in select(change).chunks.items() for one in chunk[1]}
        assert any(one.sweep == name for one in own)
        assert more >= fewer + 2  # a table and a page
