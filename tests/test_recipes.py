"""docs/recipes.md: every command on the page is run, Snakemake's as dry runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from default_config import ROOT
from project import fresh_project

PAGE = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.M))
COMMAND = re.compile(r"^    (\S.*)$", re.M)
OVERLAY = re.compile(r"^```yaml\n# (\w+\.yaml): .*\n((?:.*\n)*?)```$", re.M)
# what a dry run of each recipe has to plan, and what it may not
PLANNED = {
    "Another model": {"back_up", "generate", "score", "write_index"},
    "One head": {"score", "summarise_degradation"},
    "My own text": {"tokenize_texts", "score"},
    "BLiMP": {"select_items", "summarise_tasks"},
    "Greedy decoding": {"generate", "diff"},
    "Two GPUs": {"generate", "draw_noise"},
    "A Slurm site": {"generate", "write_index"},
    "Only the figures again": {"plot_degradation", "plot_divergence", "plot_claims"},
    "Resume": {"write_index"},
    "Publish digests": {"collect_digests", "verify"},
}
ABSENT = {"One head": {"plot_degradation"}, "Only the figures again": {"write_index"}}
NO_DRY_RUN = {"--unlock"}  # it leaves results alone


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with what the recipes ask of a user: a model, a text and items."""
    folder = fresh_project(tmp_path_factory.mktemp("recipes") / "project").folder
    shutil.copytree(ROOT / "resources/pocket-gpt2", folder / "my-model")
    (folder / "my-text.txt").write_text("A text of my own.\n", encoding="utf-8")
    (folder / "blimp/data").mkdir(parents=True)
    shutil.copy(ROOT / "resources/tasks/simple/grammar.jsonl", folder / "blimp/data/one.jsonl")
    run([*PYTHON, "scripts/new_run.py", "my-model"], folder)  # other recipes begin with its file
    return folder


PYTHON = [sys.executable]
PROGRAMS = {
    ".venv/bin/python": PYTHON,
    ".venv/bin/snakemake": [*PYTHON, "-m", "snakemake"],
    "cp": ["cp"],
}


def run(command, folder, **environment):
    """Run a command, which has to succeed: what it says."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, (command, result.stdout[-2000:], result.stderr[-2000:])
    return result.stdout + result.stderr


def start(line, folder):
    """Run a line of the page; Snakemake plans only."""
    words = shlex.split(line)
    if words[0] == "cp":  # of what the command before would have made
        (folder / words[1]).parent.mkdir(parents=True)
        (folder / words[1]).write_text("{}", encoding="utf-8")
    environment = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    program, *rest = words[len(environment) :]
    if program == ".venv/bin/snakemake":
        rest = rest if NO_DRY_RUN & set(rest) else ["--dry-run", "--quiet", "host", *rest]
    return run([*PROGRAMS[program], *rest], folder, **environment)


def test_there_are_ten():
    assert list(SECTIONS) == list(PLANNED)
    assert all(COMMAND.search(text) for text in SECTIONS.values())


@pytest.mark.parametrize("name", SECTIONS)
def test_recipe(name, project):
    for file, text in OVERLAY.findall(SECTIONS[name]):
        (project / file).write_text(text, encoding="utf-8")
    planned = set()
    for line in COMMAND.findall(SECTIONS[name]):
        if "new_run.py" in line:
            (project / "my-model.yaml").unlink()
        said = start(line, project)
        planned |= set(re.findall(r"^(\w+) +\d+$", said, re.M))
    assert planned >= PLANNED[name]
    assert not planned & ABSENT.get(name, set())
