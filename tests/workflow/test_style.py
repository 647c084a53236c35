"""What every file promises: clean by each tool, complete rules, short files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))
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
    stages = "backup tokenize noise corrupt generate score logits diff degradation"
    stages += " divergence histogram provenance plot write_pages"
    assert set(stages.split()) <= set(JOBS)


@pytest.mark.parametrize("name", RULES)
def test_rule_has_a_docstring(name):
    assert RULES[name].splitlines()[1].startswith('    """')


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("directive", "log benchmark conda threads resources script".split())
def test_job_is_complete(name, directive):
    assert f"\n    {directive}:" in JOBS[name]


@pytest.mark.parametrize("name", JOBS)
def test_job_depends_on_the_modules_of_its_own_script(name):
    (script,) = re.findall(r'"\.\./scripts/(\w+\.py)"', JOBS[name])
    assert f'code=code("{script}")' in JOBS[name]


@pytest.mark.parametrize("name", JOBS)
def test_job_names_memory_and_time(name):
    assert "mem_mb=" in JOBS[name] and "runtime=" in JOBS[name]


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.name)
def test_rule_file_opens_with_what_it_is_about(file):
    assert file.read_text().startswith("# ")


@pytest.mark.parametrize("file", sorted((ROOT / "profiles").glob("*/*.yaml")), ids=str)
def test_every_key_of_a_profile_has_a_comment(file):
    found = file.read_text(encoding="utf-8").splitlines()
    keys = [index for index, line in enumerate(found) if re.match(r" *[a-z-]+:", line)]
    assert keys
    assert [found[index] for index in keys if not found[index - 1].lstrip().startswith("# ")] == []


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_files_are_short():
    assert lines(ROOT / "Snakefile") < 60
    assert [file.name for file in RULE_FILES if lines(file) >= 120] == []
    assert [file.name for file in (ROOT / "scripts").glob("*.py") if lines(file) >= 150] == []
