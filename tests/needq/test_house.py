"""The house: where everything belongs, and who may import whom."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from needq.plan.dependencies import executed, library_files

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
LIBRARY = SCRIPTS / "needq"
MODULES = sorted(file for file in LIBRARY.rglob("*.py") if file.name != "__init__.py")
PROGRAMS = sorted(SCRIPTS.glob("*.py"))  # a rule's script, and one that a user starts
NO_RULE = {"make_crate", "new_run"}

# imports go down only; what is on one floor does not import each other
FLOORS = (
    ("scripts",),
    ("figures", "report"),
    ("divergence", "provenance"),
    ("inference", "metrics"),
    ("corrupt",),
    ("plan", "exact", "backup"),
    ("common",),
)
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}

# every script that draws keyed numbers, or imports what does
USERS_OF_KEYED = """
    collect_digests compute_logits corrupt count_weights decide_claims draw_batches
    draw_native_noise draw_noise fit_probes generate heal label_texts label_tokens
    make_reference_texts match_outputs match_scores measure_attention plot_degradation repeat score
    score_subsets select_items summarise_degradation summarise_healing summarise_subsets
    summarise_units trace_corners verify
""".split()


def imported(file, for_types=True):
    """The names that a file's import statements mention, those for type checkers included."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if for_types else executed(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports by a relative name"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_imported(file):
    """The modules of the library that a file imports itself."""
    names = {name for name in imported(file) if name.startswith("needq.")}
    files = (SCRIPTS.joinpath(*name.split(".")).with_suffix(".py") for name in names)
    return {file for file in files if file.is_file()}


def outsiders_imported(file):
    """The packages from elsewhere that a file or what it imports of the library imports."""
    files = [file, *library_files(file, SCRIPTS)]
    return {name.partition(".")[0] for file in files for name in imported(file, for_types=False)}


def package_of(file):
    """The package that a module is in; `scripts` for a script."""
    return file.parent.name


def name_of(file):
    """A module's name as people say it, such as plan/config."""
    return file.relative_to(LIBRARY).with_suffix("").as_posix()


def test_every_package_has_its_floor():
    packages = {folder.parent.name for folder in LIBRARY.glob("*/__init__.py")}
    assert packages | {"scripts"} == set(FLOOR)
    assert {file.parent.parent for file in MODULES} == {LIBRARY}  # no package inside a package
    assert len(FLOORS) <= 7


@pytest.mark.parametrize("file", [*MODULES, *PROGRAMS], ids=lambda file: file.stem)
def test_imports_go_down(file):
    package = package_of(file)
    for other in map(package_of, modules_imported(file)):
        if other != package:
            assert FLOOR[package] < FLOOR[other], f"{package} imports {other}"


def test_no_module_imports_itself_through_others():
    arrows = {file: modules_imported(file) for file in MODULES}
    while arrows:
        leaves = [file for file, others in arrows.items() if not others & arrows.keys()]
        assert leaves, f"a cycle is among {', '.join(map(name_of, arrows))}"
        for file in leaves:
            del arrows[file]


def test_packages_say_nothing_themselves():
    assert [str(file) for file in LIBRARY.glob("*/__init__.py") if file.read_bytes()] == []


def test_the_library_does_not_know_snakemake():
    assert [name_of(file) for file in MODULES if "snakemake" in outsiders_imported(file)] == []


HEAVY = {"numpy", "torch", "pandas", "scipy", "transformers", "matplotlib"}


def test_planning_is_plain_python():
    planning = [file for file in MODULES if package_of(file) == "plan"]
    assert {name for file in planning for name in outsiders_imported(file)} & HEAVY == set()
    # and so it is when it runs
    names = [f"needq.plan.{file.stem}" for file in planning]
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "needq.plan.selection" in loaded
    assert not loaded & HEAVY


def test_corrupt_does_without_torch():
    corrupt = [file for file in MODULES if package_of(file) == "corrupt"]
    assert {name for file in corrupt for name in outsiders_imported(file)} & {"torch"} == set()


def lines(file):
    return len(file.read_text(encoding="utf-8").splitlines())


def test_modules_are_short():
    assert [name_of(file) for file in MODULES if lines(file) > 300] == []


def test_scripts_are_short():
    assert [file.name for file in PROGRAMS if lines(file) > 40] == []


def test_a_script_has_the_name_of_its_rule():
    rules = {}
    for file in (ROOT / "rules").glob("*.smk"):
        for name, body in re.findall(r"^rule (\w+):\n((?:(?: .*)?\n)+)", file.read_text(), re.M):
            for script in re.findall(r'"\.\./scripts/(\w+)\.py"', body):
                rules[name] = script
    assert {name: script for name, script in rules.items() if name != script} == {}
    assert set(rules) == {file.stem for file in PROGRAMS} - NO_RULE


def test_an_edit_of_the_keyed_numbers_reruns_what_uses_them():
    keyed = LIBRARY / "corrupt/keyed.py"
    users = [file.stem for file in PROGRAMS if keyed in library_files(file, SCRIPTS)]
    assert users == USERS_OF_KEYED


def test_public_functions_say_what_their_mappings_hold():
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments, returned = ast.unparse(node.args), ast.unparse(node.returns)
                signature = f"{node.name}({arguments}) -> {returned}"
                assert not re.search(r"(Mapping|dict)\[\w+, Any\]", signature), signature
