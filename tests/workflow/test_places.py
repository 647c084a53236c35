"""Places where the workflow is run: another folder, another workflow, and awkward paths."""

import os
import shutil
import subprocess
import sys

import pytest
from project import ONE_BACKEND, ROOT

LINKED = ("scripts", "rules", "report", "resources", "envs", "schemas", "docs", "Snakefile")
LINKED += ("config.yaml",)
MODULE = """
configfile: "{project}/config.yaml"

module needq:
    snakefile: "{project}/Snakefile"
    config: config

use rule * from needq as needq_*
"""


def plan(folder, *arguments, python=sys.executable):
    """A dry run in a folder: its exit code, and what it said."""
    command = [python, "-m", "snakemake", "--dry-run", "--cores", "1", *arguments]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout + result.stderr


def last_line(said):
    return said.strip().splitlines()[-1]


def test_another_workflow_may_have_this_one_as_a_module(tmp_path):
    (tmp_path / "Snakefile").write_text(MODULE.format(project=ROOT), encoding="utf-8")
    code, said = plan(tmp_path)
    assert code == 0, said
    assert "needq_write_index" in said
    assert [file.name for file in tmp_path.iterdir() if file.name != ".snakemake"] == ["Snakefile"]


def test_the_work_may_be_done_in_another_folder(tmp_path):
    folder = tmp_path / "a b's {work}"
    folder.mkdir()
    code, said = plan(ROOT, "--directory", str(folder), "results/pocket-gpt2/backup/tokens.json")
    assert code == 0, said
    assert "tokenize_texts" in said
    overlay = ("--configfile", "configs/smollm2.yaml")
    code, said = plan(ROOT, "--directory", str(folder), *overlay)
    assert code == 0, said
    assert not (folder / "results").exists()


@pytest.fixture
def place(tmp_path):
    """A function that puts the project at a path with this name."""

    def at(name):
        folder = tmp_path / name
        folder.mkdir()
        for part in LINKED:
            (folder / part).symlink_to(ROOT / part)
        return folder

    return at


def test_a_path_with_braces_is_one_line(place):
    code, said = plan(place("a{b}c"))
    assert code != 0
    assert last_line(said).startswith("needq: error: Snakemake cannot run /")
    assert "Traceback" not in said


def test_a_python_at_a_path_with_a_space_is_one_line(tmp_path):
    (tmp_path / "my env").symlink_to(sys.prefix)
    code, said = plan(ROOT, python=str(tmp_path / "my env/bin/python"))
    assert code != 0
    assert last_line(said).startswith("needq: error: Snakemake cannot start jobs with /")
    assert "Traceback" not in said


def test_jobs_run_at_a_path_with_a_space_and_quotes(fresh, tmp_path):
    project = fresh.copy(tmp_path / 'a b\'s "c" $d', **ONE_BACKEND)
    project.finish("results/tiny/backup/tokens.json")
    assert (project.results / "backup/tokens.json").is_file()
    shutil.rmtree(project.folder)
