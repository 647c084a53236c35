"""What the analysis of subsets asks of a run, and what it costs."""

import pytest
from default_config import with_changes
from needq.plan import subsets
from needq.plan.cost import Shape
from needq.plan.estimate import Run
from needq.plan.report_pages import report_pages
from needq.plan.selection import Selection
from planning import of_blocks, read, refusal

POCKET = Shape(12, 128, 512, 2, 128, 4000)
ON = ("subsets.run", True)


def test_the_default_run_leaves_it_out():
    config = read()
    assert subsets.subset_seeds(config) == []
    assert "subsets" not in report_pages(Selection(config, False))
    assert "subsets" not in config.model_dump()
    assert not subsets.decide_claims(Selection(config, False))


def test_it_is_run_under_the_first_noise_seeds():
    config = read(ON, ("noise_seeds", [7, 5, 3]), ("subsets.noise_seeds", 2))
    assert subsets.subset_seeds(config) == [7, 5]
    assert subsets.subset_seeds(read(ON, ("noise_seeds", [7, 5, 3]))) == [7, 5, 3]
    assert "subsets" in report_pages(Selection(config, False))
    assert config.model_dump()["subsets"]["run"] is True


@pytest.mark.parametrize("sweep", ["cumulative", "keys", "at_random"])
def test_the_patch_of_all_blocks_is_found(sweep):
    config = read(ON, ("subsets.sweep", sweep), ("jobs.interventions_per_job", 13))
    used = Selection(config, False)
    for seed in subsets.subset_seeds(config):
        (one,) = subsets.all_replaced(config, seed)
        assert sum(one in chunk for chunk in used.chunks.values()) == 1
        assert (one.sweep, one.noise_seed, len(one.block_indices)) == (sweep, seed, 12)
    assert subsets.decide_claims(used) is (sweep == "cumulative")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("subsets.sweep", "none")], "subsets.sweep: there is no sweep none that is run, but cum"),
        ([("sweeps.keys.run", "off"), ("subsets.sweep", "keys")], "there is no sweep keys"),
        ([("subsets.sweep", "single")], "subsets.sweep: no step of single replaces all 12 blocks"),
        ([("sweeps.keys.counts", [3]), ("subsets.sweep", "keys")], "no step of keys replaces all"),
        ([("subsets.sweep", "zero")], "subsets.sweep: zero has no noise seeds, since its method"),
        ([("subsets.permutations", 3)], "subsets.permutations: 3 is odd; each order is followed"),
        ([of_blocks(63)], "subsets.run: the model has 63 blocks; this is for at most 62"),
        ([("subsets.documents", 0)], "subsets.documents: 0 is less than 1"),
    ],
)
def test_what_cannot_be_run_is_named(changes, said):
    assert said in refusal(with_changes(ON, *changes))


def test_what_is_not_run_is_not_checked():
    read(("subsets.sweep", "none"), ("subsets.permutations", 3))


def test_how_many_subsets_and_block_passes():
    assert subsets.subsets_count(read()) == 4096
    assert subsets.subset_passes(read()) == 8190
    many = read(of_blocks(30))
    assert subsets.subsets_count(many) == 53 * 30
    assert 30 * 30 < subsets.subset_passes(many) < 30 * subsets.subsets_count(many)


def test_a_job_takes_what_is_estimated():
    """Within a factor of two; measured in the kept run (docs/evidence/README.md)."""
    config = read(ON, ("subsets.documents", 29))
    job = subsets.subsets_job(config, POCKET, Run(config, False, POCKET).documents)
    assert 196 / 2 < job.seconds < 196 * 2
    assert 492 / 2 < job.memory < 492 * 2


def test_what_it_costs():
    documents = [1 + 200.0] * 100
    job = subsets.subsets_job(read(ON), POCKET, documents)
    assert 100 < job.seconds < 1000
    assert job.memory > 440
    for key, value in (("documents", 60), ("tokens_per_document", None)):
        more = subsets.subsets_job(read(ON, (f"subsets.{key}", value)), POCKET, documents)
        assert more.seconds > 1.5 * job.seconds
    without, with_it = (Run(config, False, POCKET).estimate() for config in (read(), read(ON)))
    assert with_it.seconds - without.seconds > 5 * 100
    assert with_it.disk > without.disk
    three = Run(read(ON, ("subsets.noise_seeds", 3)), False, POCKET).estimate()
    assert three.seconds < with_it.seconds
