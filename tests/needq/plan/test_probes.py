"""Under what a model is probed: the interventions of each job, mistakes, and costs."""

import pytest
from default_config import with_changes
from needq.plan import probes
from needq.plan.cost import Shape
from planning import read, refusal

POCKET = Shape(12, 128, 512, 2, 128, 4000)
ON = ("probes", {"run": True})


def test_nothing_is_probed_unless_the_config_asks():
    assert probes.probed(read()) == []
    assert probes.jobs(read()) == []
    assert list(probes.all_jobs(read(), POCKET, [100.0])) == []
    assert probes.matrix(read()) == ""


def test_each_noise_seed_is_a_job_beside_the_pristine_model():
    config = read(ON)
    assert probes.jobs(config) == ["pristine", "0", "1", "2", "3", "4"]
    ids = [one.id for one in probes.served(config, "2")]
    assert ids == [f"q/cumulative/{count:02d}" for count in (1, 3, 6, 12)]
    (pristine,) = probes.served(config, "pristine")
    assert (pristine.id, pristine.noise_seed) == ("q/cumulative/00", None)
    assert probes.matrix(config) == "W_Q"


def test_seeds_and_numbers_of_blocks_are_those_that_are_asked_for():
    config = read(("probes", {"run": True, "noise_seeds": [3, 1], "blocks_replaced": [2, 0]}))
    assert probes.jobs(config) == ["pristine", "3", "1"]
    assert [one.id for one in probes.served(config, "1")] == ["q/cumulative/02"]
    assert probes.jobs(read(("probes", {"run": True, "noise_seeds": 2}))) == ["pristine", "0", "1"]


def test_what_has_no_noise_is_one_job():
    config = read(("probes", {"run": True, "sweep": "zero"}))
    assert probes.jobs(config) == ["pristine"]
    # of its counts, halves, 1 and 3 are left out
    assert [one.id for one in probes.served(config, "pristine")] == [
        f"q/zero/{count:02d}" for count in (0, 6, 12)
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sweep": "other"}, "probes.sweep: there is no sweep other that is run, but cumulative, "),
        (
            {"sweep": "single"},
            "probes.sweep: single has steps: single; name one of cumulative steps",
        ),
        ({"noise_seeds": [9]}, "probes.noise_seeds: 9 is not one of noise_seeds"),
        (
            {"sweep": "zero", "blocks_replaced": [6, 7]},
            "probes.blocks_replaced: 7 is not one of the sweep's numbers (0, 6, 12)",
        ),
    ],
)
def test_mistakes_are_named(values, said):
    assert refusal(with_changes(("probes", {"run": True} | values))).startswith(f"config: {said}")
    # what is not run is not checked
    read(("probes", {"run": False} | values))


def test_more_noise_blocks_and_width_cost_more():
    def seconds(shape=POCKET, job="1", **values):
        config = read(("probes", {"run": True} | values))
        return probes.fit_job(config, shape, [150.0] * 100, job).seconds

    base = seconds()
    assert seconds(job="pristine") < base
    assert seconds(blocks_replaced=[1, 2, 3, 6, 9, "all"]) > base
    wide = POCKET._replace(width=512, inner=2048)
    assert seconds(wide) > 2 * base
    jobs = list(probes.all_jobs(read(ON), POCKET, [150.0] * 100))
    assert len(jobs) == 1 + 6  # labels, and each job of probes
