"""`snakemake --use-conda`, with a stand-in for conda and a local channel (see conda/)."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import ROOT, assert_same

STAND_IN = ROOT / "tests/workflow/conda"
# what the channel has to offer, and what it can: this Python, repacked
PINNED = yaml.safe_load((ROOT / "environment.yaml").read_text(encoding="utf-8"))["dependencies"][0]
THIS = f"python={platform.python_version()}"

RULES = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules").glob("*.smk"))

# What is removed from the rich run, and asked for again, step by step: the outputs of all rules
# but those of the ledger's texts.
STEPS = [
    (["logs", "backup"], ["backup/tasks.json"]),
    (["generate/exact", "diff/exact-exact"], ["diff/exact-exact/*.parquet"]),
    (
        [
            *("corrupt/noise/v-gaussian-1.safetensors", "corrupt/patches/{alone}.json"),
            *("score/cpu/first/{alone}.*", "labels", "tables", "figures", "pages", "notebooks"),
            *("provenance.json", "digests.json", "index.html", "config.yaml"),
        ],
        [],
    ),
]
LEFT_ALONE = {"draw_native_noise", "trace_corners", "compare_corners"}
# the small run has neither a text for n-grams nor a sweep of matched scores
LEFT_ALONE |= {"score_ngrams", "match_scores"}
# analyses that are off
LEFT_ALONE |= {"label_tokens", "fit_probes", "summarise_probes", "show_probes"}
LEFT_ALONE |= {"score_subsets", "summarise_subsets", "show_subsets"}
LEFT_ALONE |= {"draw_batches", "heal", "summarise_healing", "show_healing"}
# sweeps of heads, dimensions and doses, of which there are none
LEFT_ALONE |= {"summarise_units", "show_units", "summarise_doses", "show_doses"}
# sweeps of the MLP
LEFT_ALONE |= {"match_outputs", "summarise_mlp", "show_mlp"}

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def conda(tmp_path_factory):
    """What it takes to run Snakemake from environment.yaml alone: its Python, and variables."""
    if THIS != PINNED:
        reason = f"the environments name {PINNED}, and the channel can offer {THIS} alone"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("conda")
    command = folder / "bin/conda"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN}/stand_in.py "$@"\n')
    command.chmod(0o755)
    (folder / "bin/activate").write_text("export CONDA_PREFIX=$1 PATH=$1/bin:$PATH\n")
    subprocess.run([sys.executable, STAND_IN / "channel.py", folder / "conda-forge"], check=True)
    variables = {
        "NEEDQ_TEST_CHANNELS": str(folder),
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "PYTHONPATH": "",
    }
    prefix = folder / "snakemake"
    subprocess.run(
        [command, "env", "create", "--file", ROOT / "environment.yaml", "--prefix", prefix],
        env=os.environ | variables,
        check=True,
    )
    yield prefix / "bin/python", variables
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def ran(conda, rich, tmp_path_factory):
    """The rich run after much of it was made again with --use-conda, first of all the backup."""
    python, variables = conda
    project = rich.copy(tmp_path_factory.mktemp("use_conda") / "project")
    texts = Path(rich.file("generate/cpu/first/*.parquet")).stem
    (alone,) = {file.stem for file in rich.results.glob("corrupt/patches/*")} - {texts}
    for removed, asked in STEPS:
        targets = [rich.file(pattern) for pattern in asked]
        project.remove(*(pattern.format(alone=alone) for pattern in removed))
        code, log = project.run("--cores", "2", "--use-conda", *targets, python=python, **variables)
        assert code == 0, log
    yield project
    shutil.rmtree(project.folder / ".snakemake/conda")


def test_results_equal_those_of_a_run_without_conda(ran, rich):
    assert_same(ran.produced(), rich.produced())


def test_every_script_runs_in_its_own_environment(ran):
    """A job's log names its Python; Snakemake keeps a copy of an environment's YAML beside it."""
    wanted = {
        rule.partition(":")[0]: name
        for rule in RULES.split("\nrule ")
        for name in re.findall(r"/envs/(\w+)\.yaml", rule)
    }
    logs = ran.results / "logs"
    used, rules = set(), set()
    for log in logs.rglob("*.log"):
        rule = log.relative_to(logs).parts[0].removesuffix(".log")
        prefix = Path(re.search(r": Python of (.+)", log.read_text(encoding="utf-8"))[1])
        assert prefix.parent == ran.folder / ".snakemake/conda"
        yaml_beside = prefix.with_name(f"{prefix.name}.yaml")
        assert yaml_beside.read_bytes() == (ROOT / f"envs/{wanted[rule]}.yaml").read_bytes()
        used.add(wanted[rule])
        rules.add(rule)
    assert rules == set(wanted) - LEFT_ALONE - {"verify"}
    assert used == {"weights", "lm", "tables", "report", "notebooks"}


def test_import_that_an_environment_lacks_fails(ran, conda):
    """seaborn is in the environments of tables and notebooks, and not in Snakemake's."""
    python, variables = conda
    script = ran.folder / "scripts/tokenize_texts.py"
    script.write_text(f"import seaborn\n{script.read_text(encoding='utf-8')}", encoding="utf-8")
    target = "results/tiny/backup/tokens.json"
    code, log = ran.run("--cores", "1", "--use-conda", target, python=python, **variables)
    assert code != 0
    assert "No module named 'seaborn'" in log
