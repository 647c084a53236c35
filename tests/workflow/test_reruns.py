"""What a change runs again: the rules that use what changed, those that follow, nothing else."""

import os
import re

import pytest
from needq.plan.dependencies import library_files
from project import ROOT

SCRIPTS = ROOT / "scripts"


# what follows from any table
REPORT = {"walk_through", "write_pages", "write_index", "all"}
# logits are temporary: a new diff needs them computed again
DIFF = {
    "compute_logits",
    "repeat",
    "diff",
    "summarise_divergence",
    "show_side_by_side",
    "predict_flips",
    "show_flips",
    "plot_divergence",
} | REPORT
# and so is the noise that a side of the ledger draws
LEDGER = {"trace_corners", "compare_corners", "summarise_ledger", "show_ledger"}
LEDGER |= {"draw_native_noise", "record_provenance"}
LEDGER |= REPORT
ATTENTION = {"measure_attention", "show_attention"} | REPORT
CLAIMS = {"decide_claims", "show_claims", "plot_claims"}
LABELS = {"label_texts", "show_labels", "summarise_degradation", "plot_degradation"}
LABELS |= {"collect_stories"}
LABELS |= CLAIMS | REPORT
SCORE = {"score", "collect_digests", "recompute", "summarise_baselines", "summarise_tasks"}
SCORE |= LABELS
CHUNK = {"generate", "record_provenance"} | SCORE | DIFF | LEDGER
GENERATE = {"make_reference_texts", "select_items"} | CHUNK
TOKENIZE = {"tokenize_texts", "score_ngrams"} | GENERATE

# the rules whose scripts use a module, by themselves or through others
COMPUTE = {"generate", "score", "compute_logits", "repeat", "make_reference_texts"}
COMPUTE |= {"trace_corners", "verify", "select_items"}
PROBE = {"fit_probes"}
WATCH = {"match_scores", "measure_attention", "match_outputs"}
LOAD = COMPUTE | WATCH | PROBE | {"draw_native_noise", "score_subsets", "heal"}
PATCH = LOAD | {"corrupt", "count_weights", "collect_digests"}
PAGES = {"show_labels", "show_side_by_side", "show_flips", "show_ledger", "show_claims"}
PAGES |= {"show_attention", "write_pages", "write_index", "walk_through", "recompute"}
PAGES |= {"show_probes", "show_units", "show_doses", "show_subsets", "show_healing", "show_mlp"}
FIGURES = {"plot_degradation", "plot_divergence", "plot_claims", "show_flips", "show_ledger"}
FIGURES |= {"show_attention", "show_probes", "show_units", "show_doses", "show_subsets"}
FIGURES |= {"show_healing", "show_mlp"}
TESTS = {"label_texts", "summarise_degradation", "decide_claims", "plot_degradation"}
TESTS |= {"summarise_tasks", "summarise_probes", "summarise_units", "summarise_doses"}
TESTS |= {"summarise_subsets", "summarise_mlp"}
MODULES = {
    "plan/config": set(),
    "plan/selection": set(),
    # which call causes by their names
    "plan/corners": {"trace_corners", "compare_corners", "summarise_ledger"}
    | {"show_ledger", "show_side_by_side", "collect_stories", "write_index", "walk_through"},
    "backup/model": {"back_up"},
    "backup/model_classes": LOAD | {"back_up"},
    "backup/tokens": {"tokenize_texts", "generate", "repeat"}
    | {"show_side_by_side", "collect_stories", "show_attention", "label_tokens"},
    "corrupt/methods": PATCH | {"draw_noise"},
    "corrupt/rotations": PATCH | {"draw_noise"},
    "corrupt/patches": PATCH,
    "inference/generate": COMPUTE - {"score", "compute_logits", "select_items"},
    "inference/score": (COMPUTE - {"generate", "select_items"}) | PROBE | {"score_subsets", "heal"},
    "inference/subsets": {"score_subsets"},
    "inference/fused": LOAD - {"verify"},  # verify computes in exact arithmetic
    "inference/refit": {"heal"},
    "inference/task_accuracy": {"score", "select_items"},
    "metrics/selected_items": {"select_items", "score_ngrams"},
    "metrics/claim_tests": {"decide_claims", "summarise_healing"},
    "metrics/healing": {"decide_claims", "summarise_healing"},
    "metrics/training_rows": {"draw_batches"},
    "metrics/shapley": {"decide_claims", "summarise_subsets"},
    "inference/native": LOAD,
    "inference/attention": WATCH,
    "inference/matched_scores": {"match_scores"},
    "inference/matched_outputs": {"match_outputs"},
    "exact/model": LOAD,
    "metrics/statistics": TESTS
    | {"plot_divergence", "summarise_divergence", "summarise_ledger", "walk_through"}
    | {"summarise_baselines", "summarise_healing"},
    "inference/streams": PROBE,
    "metrics/probes": PROBE,
    "metrics/probe_items": {"label_tokens"},
    "metrics/probe_table": {"summarise_probes"},
    "metrics/kneser_ney": {"score_ngrams"},
    "metrics/baselines": {"summarise_baselines"},
    "metrics/yardsticks": {"plot_degradation", "write_index", "walk_through", "collect_stories"},
    "metrics/degradation": {"summarise_degradation"},
    "metrics/units": {"summarise_units"},
    "metrics/doses": {"summarise_doses"},
    "metrics/mlp": {"summarise_mlp"},
    "metrics/replacement_methods": {"decide_claims"},
    "divergence/diff": {"diff", "compare_corners"},
    "divergence/corners": {"compare_corners"},
    "divergence/causes": {"summarise_ledger"},
    "divergence/flips": {"predict_flips"},
    "figures/theme": FIGURES | {"walk_through"},
    "figures/ledger": {"show_ledger"},
    "report/pages": PAGES,
    "report/gallery": {"write_pages"},
    "report/answer": {"write_index", "collect_stories"},
    "provenance/record": PAGES | {"record_provenance"},
}


@pytest.mark.parametrize("module", MODULES)
def test_rule_depends_on_the_modules_that_its_script_uses(module):
    """Snakemake does the rest: a changed module runs these rules again, and those that follow."""
    file = SCRIPTS / f"needq/{module}.py"
    assert file.exists()
    users = {
        rule.partition(":")[0]
        for rules in (ROOT / "rules").glob("*.smk")
        for rule in rules.read_text(encoding="utf-8").split("\nrule ")[1:]
        for script in re.findall(r'\bcode\("([^"]+)"\)', rule)
        if file in library_files(SCRIPTS / script, SCRIPTS)
    }
    assert users == MODULES[module]


@pytest.fixture(scope="module")
def project(rich, tmp_path_factory):
    """A copy of the rich run; every test leaves it as it was."""
    return rich.copy(tmp_path_factory.mktemp("reruns") / "project")


CHANGED_MODULES = {
    "report/gallery": {"write_pages", "all"},
    "divergence/corners": LEDGER,
    "corrupt/methods": {"draw_noise", "count_weights", "corrupt"} | GENERATE | ATTENTION,
}


@pytest.mark.parametrize("module", CHANGED_MODULES)
def test_changed_module_reruns_the_rules_that_use_it(project, module):
    file = project.folder / f"scripts/needq/{module}.py"
    before = file.read_text(encoding="utf-8")
    file.write_text(before + "\n# a change\n", encoding="utf-8")
    planned = project.planned()
    file.write_text(before, encoding="utf-8")
    assert set(planned) == CHANGED_MODULES[module]


def test_changed_script_reruns_its_rule(project):
    file = project.folder / "scripts/write_pages.py"
    before, times = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(before + "\n# a change\n", encoding="utf-8")
    planned = project.planned()
    file.write_text(before, encoding="utf-8")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert set(planned) == {"write_pages", "all"}


def test_touched_files_rerun_nothing(project):
    for file in (project.folder / "scripts/needq").rglob("*.py"):
        file.touch()
    (project.folder / "two.txt").touch()
    (project.results / "backup/manifest.json").touch()
    assert project.planned() == {}


CHANGES = {
    "temperature": ({"generation": {"temperature": 0.5}}, TOKENIZE | ATTENTION),
    "positions": ({"divergence": {"positions": [0, 1]}}, DIFF | LEDGER),
    "evaluation": ({"evaluation": {"tokens_per_document": 10}}, TOKENIZE | ATTENTION),
    # the n-gram models answer the items too, so these are selected again
    "documents": (
        {"evaluation": {"documents_of_other_backends": 1}},
        SCORE | {"score_ngrams", "select_items", "record_provenance"},
    ),
}


@pytest.mark.parametrize("key", CHANGES)
def test_changed_key_reruns_the_rules_that_read_it(project, key):
    change, expected = CHANGES[key]
    project.configure(**change)
    planned = project.planned()
    project.configure()
    assert set(planned) == expected


def test_one_more_noise_seed_draws_one_more_noise_of_each_matrix(project):
    project.configure(noise_seeds=[0, 1, 2])
    planned = project.planned()
    project.configure()
    assert set(planned) == {"draw_noise", "corrupt"} | CHUNK | ATTENTION
    assert planned["draw_noise"] == len("qkvo")


def test_one_more_noise_seed_leaves_old_chunks_alone(project):
    """With one intervention per chunk, that is one noise seed, 4 backends generate one more each.

    What is repeated is of the pristine model and the first noise seed.
    """
    project.configure(noise_seeds=[0, 1], jobs={"interventions_per_job": 1})
    two = project.planned()
    project.configure(noise_seeds=[0, 1, 2], jobs={"interventions_per_job": 1})
    three = project.planned()
    project.configure()
    assert (two["generate"], two["repeat"]) == (4 * 3, 4 * 2)
    assert (three["generate"], three["repeat"]) == (4 * 4, 4 * 2)


CONDA = """#!/bin/sh
# answers what Snakemake asks of conda before a dry run
case "$1" in
  --version) echo "conda 24.7.1" ;;
  info) echo '{"conda_prefix": "/nowhere", "platform": "linux-64", "root_prefix": "/nowhere"}' ;;
  config) echo '{"get": {"channel_priority": "strict"}}' ;;
esac
"""


def test_conda_after_a_plain_run_repeats_nothing(project, tmp_path):
    conda = tmp_path / "conda"
    conda.write_text(CONDA, encoding="utf-8")
    conda.chmod(0o755)
    assert project.planned("--use-conda", PATH=f"{tmp_path}:{os.environ['PATH']}") == {}
