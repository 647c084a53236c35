"""Which sweeps the MLP is compared by, and what matching their changes costs."""

import pytest
from needq.plan import cost, estimate, mlp
from needq.plan.cost import Shape
from needq.plan.report_pages import report_pages
from needq.plan.selection import Selection
from planning import read

POCKET = Shape(12, 128, 512, 2, 128, 4000)
PLAIN = ("sweeps.plain", {"run": "scores", "matrix": "mlp", "counts": [6, 12]})
EQUAL = {"run": "scores", "matrix": "mlp", "method": "matched_outputs"}
CUMULATIVE = ("sweeps.equal", EQUAL | {"counts": "halves"})
QUERY = ("sweeps.query", {"run": "scores", "counts": [3, 6, 12]})
FIRST = ("sweeps.first", {"run": "scores", "matrix": "mlp_out", "counts": [1]})
SINGLE = ("sweeps.one_by_one", EQUAL | {"matrix": "mlp_in", "steps": "single"})


def select(*changes):
    return Selection(read(*changes), False)


def test_the_default_run_has_none():
    selection = select()
    assert mlp.mlp_sweeps(selection) == []
    assert mlp.mixed(selection.config) == []
    assert mlp.mlp_jobs(selection) == 0


def test_each_sweep_is_after_that_of_w_q_with_the_same_steps():
    found = mlp.mlp_sweeps(select(PLAIN, CUMULATIVE, SINGLE))
    assert [(one["sweep"], one["reference"]) for one in found] == [
        ("cumulative", None),
        ("plain", "cumulative"),
        ("equal", "cumulative"),
        ("single", None),
        ("one_by_one", "single"),
    ]
    assert found[0]["matrix"] == "q"
    assert (found[4]["matrix"], found[4]["method"]) == ("mlp_in", "matched_outputs")


def test_the_reference_has_the_most_numbers_of_blocks_in_common():
    few = ("sweeps.cumulative.counts", [1, 12])
    found = {one["sweep"]: one for one in mlp.mlp_sweeps(select(few, QUERY, PLAIN, FIRST))}
    assert found["plain"]["reference"] == "query"
    assert found["first"]["reference"] == "cumulative"
    assert list(found) == ["query", "plain", "cumulative", "first"]


@pytest.mark.parametrize("changes", [{"block_order": "reversed"}, {"noise_fraction": 0.5}])
def test_another_setting_has_another_reference(changes):
    name, sweep = PLAIN
    found = {one["sweep"]: one for one in mlp.mlp_sweeps(select((name, sweep | changes)))}
    wanted = "from_end" if "block_order" in changes else None
    assert found["plain"]["reference"] == wanted


def test_sweeps_with_other_steps_or_off_do_not_count():
    dosed = ("sweeps.dosed", {"run": "scores", "matrix": "mlp", "steps": "doses", "doses": [0.5]})
    off = (PLAIN[0], PLAIN[1] | {"run": "off"})
    assert mlp.mlp_sweeps(select(dosed, off)) == []


def test_matrices_that_are_mixed():
    assert mlp.mixed(read(CUMULATIVE, SINGLE)) == ["mlp", "mlp_in"]
    assert mlp.mixed(read(PLAIN)) == []


def test_pages_and_jobs_are_those_of_what_is_run():
    assert set(report_pages(select(PLAIN))) - set(report_pages(select())) == {"mlp"}
    jobs = [
        len(list(estimate.Run(read(*changes), False, POCKET).jobs()))
        for changes in ((PLAIN,), (PLAIN, CUMULATIVE))
    ]
    # five noises, and one job that mixes them; chunks may be one more
    assert jobs[1] - jobs[0] in (6, 7, 8, 9, 10, 11, 12)


def test_more_seeds_and_larger_models_cost_more():
    base = mlp.mix_job(read(CUMULATIVE), POCKET)
    more = mlp.mix_job(read(CUMULATIVE, ("noise_seeds", list(range(9)))), POCKET)
    assert more.seconds > base.seconds
    wider = mlp.mix_job(read(CUMULATIVE), POCKET._replace(inner=2048))
    assert wider.seconds > base.seconds
    assert wider.memory > base.memory


def test_noise_of_the_mlp_is_as_large_as_its_matrices():
    names = ["q-gaussian-0", "mlp-gaussian-0", "mlp_in-gaussian-1"]
    assert cost.stored_matrices(POCKET, names) == 1 + 8 + 8
