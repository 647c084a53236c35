"""The conda environments: what scripts import and all that it requires, at the lock's versions."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "requirements"))

import environments  # noqa: E402 (found by the line above)

FILES = [*sorted((ROOT / "envs").iterdir()), ROOT / "environment.yaml"]


def pip_section(file: Path) -> list[str]:
    (section,) = [
        item for item in yaml.safe_load(file.read_text())["dependencies"] if isinstance(item, dict)
    ]
    return section["pip"]


def test_there_is_one_for_each_concern() -> None:
    names = ["lm", "notebooks", "probes", "report", "tables", "weights", "environment"]
    assert [file.stem for file in FILES] == names
    # a pin file would silence the pip section
    assert all(file.suffix == ".yaml" for file in (ROOT / "envs").iterdir())


@pytest.fixture(scope="module")
def made() -> dict[Path, str]:
    """What environments.py makes, once: it reads every script's imports."""
    return environments.environments()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_environment_is_as_environments_py_makes_it(file: Path, made: dict[Path, str]) -> None:
    assert file.read_text() == made[file]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_versions_are_those_of_the_lock(file: Path) -> None:
    lock = "".join((ROOT / f"requirements/{name}.txt").read_text() for name in ("build", "base"))
    locked = set(re.findall(r"^[a-z0-9.-]+==[^\s;]+", lock, re.MULTILINE))
    assert pip_section(file)
    assert set(pip_section(file)) <= locked


@pytest.mark.parametrize(
    ("name", "has", "has_not"),
    [
        ("weights", {"torch", "gguf", "huggingface-hub"}, {"pandas", "matplotlib", "snakemake"}),
        ("lm", {"torch", "transformers", "pandas"}, {"matplotlib", "gguf", "scikit-learn"}),
        ("probes", {"torch", "scikit-learn"}, {"matplotlib", "gguf", "snakemake"}),
        ("tables", {"matplotlib", "pandas", "scipy"}, {"torch", "accelerate", "snakemake"}),
        ("report", {"jinja2", "pandas"}, {"torch", "matplotlib", "snakemake"}),
        ("notebooks", {"ipykernel", "nbclient", "nbconvert", "seaborn"}, {"torch", "snakemake"}),
    ],
)
def test_environment_holds_its_concern_alone(name: str, has: set, has_not: set) -> None:
    packages = {pin.partition("==")[0] for pin in pip_section(ROOT / f"envs/{name}.yaml")}
    assert has <= packages
    assert not has_not & packages


def test_reading_the_snakefile_needs_nothing_large() -> None:
    """Every job reads it twice on a cluster; and Snakemake's packages leak into scripts."""
    packages = {pin.partition("==")[0] for pin in pip_section(ROOT / "environment.yaml")}
    assert not packages & {"numpy", "pandas", "pyarrow", "safetensors", "scipy", "torch"}


def test_tables_figures_and_pages_are_made_without_torch() -> None:
    """It takes a second to import, in each of some thirty jobs."""
    own = environments.scripts()
    files = {file for name in ("tables", "report", "notebooks") for file in own[name]}
    imports = [
        ast.unparse(node)
        for file in sorted(file for file in files if file.parent.name == "scripts")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    code = "\n".join([*imports, "import sys; print(*sys.modules)"])
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"needq.figures.claims", "needq.report.pages"} <= loaded
    assert not {"torch", "transformers", "sklearn"} & loaded
