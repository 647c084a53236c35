"""Subsets of blocks in the workflow: absent by default, and planned if they are run."""

import pytest
from needq.common.published import read_table
from project import ONE_BACKEND, merged

RULES = {"score_subsets", "summarise_subsets", "show_subsets"}
ON = {"subsets": {"run": True, "noise_seeds": 2, "documents": 1}}
ALL = {"sweeps": {"cumulative": {"block_order": "forward", "counts": [1, 12]}}}


def test_a_run_has_them_if_it_says_so(fresh):
    fresh.configure(**merged(ONE_BACKEND, ALL))
    without = fresh.planned()
    fresh.configure(**merged(merged(ONE_BACKEND, ALL), ON))
    with_them = fresh.planned()
    assert {rule: with_them[rule] for rule in RULES} == {
        "score_subsets": 2,
        "summarise_subsets": 1,
        "show_subsets": 1,
    }
    assert with_them.keys() - without.keys() == RULES
    assert not RULES & without.keys()


def test_shapley_values_add_up_to_the_damage_of_all_blocks(fresh):
    few = {"subsets": {"noise_seeds": 1, "documents": 1, "tokens_per_document": 8}}
    fresh.configure(**merged(merged(ONE_BACKEND, ALL), merged(ON, few)))
    fresh.finish("results/tiny/tables/shapley.tsv", "results/tiny/pages/subsets.html")
    values = read_table(fresh.results / "tables/shapley.tsv")
    sizes = read_table(fresh.results / "tables/subset_sizes.tsv").set_index("blocks_replaced")
    assert len(values) == 12
    assert values["shapley"].sum() == pytest.approx(sizes.loc[12, "mean"], rel=1e-4)
    assert sizes.loc[12, "mean"] > 0.1


def test_a_sweep_that_does_not_replace_all_blocks_is_refused(fresh):
    fresh.configure(**ON)
    code, said = fresh.run("--dry-run", "--cores", "1")
    assert code != 0
    assert said.splitlines()[-1] == (
        "needq: error: config: subsets.sweep: no step of cumulative replaces all 12 blocks"
    )
