"""Remake envs/*.yaml and environment.yaml: what scripts import, at the versions of the lock.

Run by .venv's Python, whose packages tell what they require: .venv/bin/python
requirements/environments.py
"""

import ast
import re
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from needq.plan.dependencies import executed, library_files  # noqa: E402 (found by the line above)

# conda-forge's; everything else comes from the wheels that .venv has too
CONDA = {"python": "3.11.7", "pip": "23.2.1"}

# each environment: its first line, and what it needs beyond what its scripts import
ABOUT = {
    "weights": ("Fetching, converting and corrupting weights.", ["accelerate", "gguf"]),
    "lm": ("Running language models: generate and score.", []),
    "probes": ("Linear probes on language models.", []),
    "tables": ("Tables and figures.", []),
    "report": ("The report's pages.", []),
    "notebooks": ("Notebooks.", ["ipykernel"]),
}
# transformers reads GGUF files with accelerate and gguf; Snakemake writes its report with pygments
SNAKEMAKE = ("Snakemake, for running with --use-conda.", ["snakemake", "pygments"])


def pins() -> dict[str, str]:
    """The version of every package of the lock that the workflow runs with."""
    lock = "".join((ROOT / f"requirements/{name}.txt").read_text() for name in ("build", "base"))
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", lock, re.MULTILINE))


def scripts() -> dict[str, set[Path]]:
    """The scripts of each environment, and its notebooks, as the rules name them."""
    found: dict[str, set[Path]] = {}
    for file in (ROOT / "rules").glob("*.smk"):
        for rule in file.read_text(encoding="utf-8").split("\nrule "):
            environment = re.search(r'"\.\./envs/(\w+)\.yaml"', rule)
            files = {SCRIPTS / name for name in re.findall(r'\bcode\("([^"]+)"\)', rule)}
            if environment:
                found.setdefault(environment[1], set()).update(files)
    return found


def imported(files: Iterable[Path]) -> set[str]:
    """The packages that files, and the library's modules they use, name in import statements."""
    distributions = packages_distributions()
    names = set()
    modules = {module for file in files for module in [file, *library_files(file, SCRIPTS)]}
    for file in modules:
        for node in executed(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return {canonicalize_name(distributions[name][0]) for name in names if name in distributions}


def parsed() -> list[Path]:
    """The library's modules that the Snakefile imports, whenever it is read."""
    common = (ROOT / "rules/common.smk").read_text(encoding="utf-8")
    imports = re.findall(r"^from needq\.(\w+) import (.+)$", common, re.MULTILINE)
    return [
        SCRIPTS / f"needq/{package}/{name.split()[0]}.py"
        for package, names in imports
        for name in names.split(", ")
    ]


def with_requirements(packages: Iterable[str], locked: Iterable[str]) -> list[str]:
    """Packages and all that they require, sorted, but for torch's CUDA packages (not `locked`)."""
    todo = [(package, frozenset()) for package in packages]
    found = set()
    while todo:
        package, extras = todo.pop()
        if (package, extras) in found or package not in locked:
            continue
        found.add((package, extras))
        for requirement in map(Requirement, requires(package) or []):
            marker = requirement.marker
            if not marker or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return sorted({package for package, _ in found})


def text(about: str, packages: Iterable[str]) -> str:
    """The YAML of an environment."""
    locked = pins()
    lines = [
        f"# {about} Made from the lock by requirements/environments.py:",
        "# the same wheels run with and without conda.",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        *(f"  - {name}={version}" for name, version in CONDA.items()),
        "  - pip:",
        *(f"      - {name}=={locked[name]}" for name in with_requirements(packages, locked)),
    ]
    return "\n".join(lines) + "\n"


def environments() -> dict[Path, str]:
    """Every file that this makes, and its content."""
    made = {}
    for name, files in scripts().items():
        about, more = ABOUT[name]
        made[ROOT / f"envs/{name}.yaml"] = text(about, imported(files) | set(more))
    about, more = SNAKEMAKE
    made[ROOT / "environment.yaml"] = text(about, imported(parsed()) | set(more))
    return made


if __name__ == "__main__":
    for path, content in environments().items():
        path.write_text(content, encoding="utf-8")
