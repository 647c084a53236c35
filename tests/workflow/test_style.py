"""What every file promises: clean by each tool, complete rules, short files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))
ALL = "".join(file.read_text() for file in [*RULE_FILES, ROOT / "Snakefile"])
RULES = {
    match[1]: match[0]
    for file in RULE_FILES
    for match in re.finditer(r"^rule (\w+):\n(?:(?: .*)?\n)+", file.read_text(), re.M)
}
JOBS = {name: text for name, text in RULES.items() if "    output:" in text}


@pytest.mark.parametrize(
    "command",
    ["ruff check", "ruff format --check", "snakefmt --check Snakefile rules", "snakemake --lint"],
)
def test_tool_finds_nothing(command):
    tool, *arguments = command.split()
    result = subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_stage_has_its_rules():
    stages = "back_up tokenize_texts draw_noise corrupt generate score compute_logits diff"
    stages += " summarise_degradation summarise_divergence count_weights record_provenance"
    stages += " plot_degradation write_pages"
    assert set(stages.split()) <= set(JOBS)


def test_rules_are_called_like_their_scripts():
    scripts = {file.stem for file in (ROOT / "scripts").glob("*.py")}
    named = dict(re.findall(r'^rule (\w+):\n(?:(?: .*)?\n)+?.*"\.\./scripts/(\w+)\.py"', ALL, re.M))
    assert named == {name: name for name in named}
    # verify has no output; whoever publishes a run or begins one starts the others
    assert set(named) == set(JOBS) | {"verify"} == scripts - {"make_crate", "new_run"}


@pytest.mark.parametrize("name", RULES)
def test_rule_has_a_docstring(name):
    assert RULES[name].splitlines()[1].startswith('    """')


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("directive", "log benchmark conda threads script".split())
def test_job_is_complete(name, directive):
    assert f"\n    {directive}:" in JOBS[name]


@pytest.mark.parametrize("name", JOBS)
def test_job_depends_on_the_modules_of_its_own_script(name):
    (script,) = re.findall(r'"\.\./scripts/(\w+\.py)"', JOBS[name])
    assert f'code=code("{script}")' in JOBS[name]


@pytest.mark.parametrize("name", ["default", "slurm", "generic"])
def test_profile_gives_memory_and_time_to_jobs_that_name_none(name):
    profile = yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text(encoding="utf-8"))
    given = dict(one.split("=") for one in profile["default-resources"])
    assert int(given["mem_mb"]) >= 1000
    assert int(given["runtime"]) >= 5


@pytest.mark.parametrize("name", JOBS)
def test_a_rule_names_only_what_differs_from_the_profiles(name):
    assert not {"mem_mb=2000,", "runtime=10,"} & set(JOBS[name].split())


def test_all_jobs_but_the_backup_are_submitted_to_a_cluster():
    assert re.search(r"^localrules:\n((?:    \w+,\n)+)", ALL, re.M)[1].split() == [
        "all,",
        "back_up,",
    ]


def test_results_are_named_by_a_pathvar():
    assert 'f"{RESULTS}' not in ALL


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.name)
def test_rule_file_opens_with_what_it_is_about(file):
    """A line on its subject, then its inputs and outputs."""
    assert re.match(r"# \w+: .+\n(#.*\n)*# INPUTS   .+\n(#.*\n)*# OUTPUTS  ", file.read_text())


@pytest.mark.parametrize("file", sorted((ROOT / "profiles").glob("*/*.yaml")), ids=str)
def test_every_key_of_a_profile_has_a_comment(file):
    found = file.read_text(encoding="utf-8").splitlines()
    keys = [index for index, line in enumerate(found) if re.match(r" *[a-z-]+:", line)]
    assert keys
    assert [found[index] for index in keys if not found[index - 1].lstrip().startswith("# ")] == []


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_files_are_short():
    assert lines(ROOT / "Snakefile") < 70
    assert [file.name for file in RULE_FILES if lines(file) >= 120] == []
    assert [file.name for file in (ROOT / "scripts").glob("*.py") if lines(file) >= 150] == []
