"""What a change runs again: the rules that use what changed, those that follow, nothing else."""

import os

import pytest

# what follows from any table
REPORT = {"walk_through", "write_pages", "index", "all"}
# logits are temporary: a new diff needs them computed again
DIFF = {"logits", "diff", "divergence", "parted", "flips", "show_flips", "plot_divergence"} | REPORT
LEDGER = {"trace", "ledger_texts", "ledger", "show_ledger", "provenance"} | REPORT
LABELS = {"label_texts", "show_labels", "degradation", "plot"} | REPORT
SCORE = {"score", "digests", "recompute"} | LABELS
CHUNK = {"generate", "provenance"} | SCORE | DIFF | LEDGER
GENERATE = {"controls"} | CHUNK
BACKUP = {"backup", "tokenize", "noise", "histogram", "corrupt"} | GENERATE

PAGES = {"parted", "show_flips", "show_ledger", "show_labels", "recompute"} | REPORT

MODULES = {
    "config": set(),
    "theme": {"plot", "plot_divergence", "show_flips", "show_ledger"}
    | {"walk_through", "index", "all"},
    "pages": PAGES,
    "answer": {"index", "all"},
    "gallery": {"write_pages", "all"},
    "provenance": {"provenance", "write_pages", "index", "all"},
    "flips": {"flips", "show_flips", "walk_through", "all"},
    "ledger": LEDGER,
    "causes": LEDGER | PAGES,  # which call causes by their names
    "columns": {"histogram", "ledger", "show_ledger", "divergence", "flips", "show_flips"}
    | {"parted", "recompute", "plot_divergence"}
    | LABELS,
    "diff": DIFF | LEDGER,
    "generate": GENERATE,
    "tokens": {"tokenize"} | GENERATE,
    "noise": {"noise", "histogram", "corrupt"} | GENERATE,
    "backup": BACKUP,
}


@pytest.fixture(scope="module")
def project(baseline, tmp_path_factory):
    """A copy of the baseline; every test leaves it as it was."""
    return baseline.copy(tmp_path_factory.mktemp("reruns") / "project")


@pytest.mark.parametrize("module", MODULES)
def test_changed_module_reruns_the_rules_that_use_it(project, module):
    file = project.folder / f"scripts/needq/{module}.py"
    before = file.read_text(encoding="utf-8")
    file.write_text(before + "\n# a change\n", encoding="utf-8")
    planned = project.planned()
    file.write_text(before, encoding="utf-8")
    assert set(planned) == MODULES[module]


def test_changed_script_reruns_its_rule(project):
    file = project.folder / "scripts/pages.py"
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
    "temperature": ({"generation": {"temperature": 0.5}}, {"tokenize"} | GENERATE),
    "positions": ({"compare": {"positions": [0, 1]}}, DIFF | LEDGER | {"provenance"}),
    "evaluation": ({"evaluation": {"tokens_per_document": 10}}, {"tokenize"} | GENERATE),
}


@pytest.mark.parametrize("key", CHANGES)
def test_changed_key_reruns_the_rules_that_read_it(project, key):
    change, expected = CHANGES[key]
    project.configure(**change)
    planned = project.planned()
    project.configure()
    assert set(planned) == expected


def test_one_more_noise_seed_draws_one_more_noise(project):
    project.configure(noise_seeds=[0, 1, 2])
    planned = project.planned()
    project.configure()
    assert set(planned) == {"noise", "corrupt"} | CHUNK
    assert planned["noise"] == 1


def test_one_more_noise_seed_leaves_old_chunks_alone(project):
    """With one intervention a chunk, 3 backends generate one more each, in one process.

    The second process is for the pristine model and the first noise seed.
    """
    project.configure(noise_seeds=[0, 1], jobs={"interventions_per_job": 1})
    two = project.planned()["generate"]
    project.configure(noise_seeds=[0, 1, 2], jobs={"interventions_per_job": 1})
    three = project.planned()["generate"]
    project.configure()
    assert (two, three) == (15, 18)


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
