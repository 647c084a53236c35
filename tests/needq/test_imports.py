"""Which library files a script uses."""

from pathlib import Path

import pytest
from needq.imports import library_files

SCRIPTS = Path(__file__).parents[2] / "scripts"


def names(script, root=SCRIPTS):
    found = library_files(root / script)
    assert found == sorted(found)
    return {file.relative_to(root / "needq").as_posix() for file in found}


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("backup.py", "__init__ adapters backup errors files job"),
        ("tokenize_texts.py", "__init__ errors files job probes tokens"),
        (
            "corrupt.py",
            "__init__ adapters corrupt errors exact/__init__ exact/elementary files "
            "interventions job noise",
        ),
        ("diff.py", "__init__ diff errors files job tables"),
    ],
)
def test_the_closures_of_the_scripts(script, wanted):
    assert names(script) == {f"{name}.py" for name in wanted.split()}


def test_every_script_is_covered():
    # a rule's script runs as a job; make_crate.py is none
    for script in sorted(set(SCRIPTS.glob("*.py")) - {SCRIPTS / "make_crate.py"}):
        assert {"__init__.py", "job.py", "errors.py"} <= names(script.name)


def test_every_way_to_import_is_followed(tmp_path):
    package = tmp_path / "needq"
    (package / "deep").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "a.py": "import needq.b as other, os",
        "b.py": "def late():\n    from needq.deep import c",
        "deep/__init__.py": "from needq.deep.d import thing",
        "deep/c.py": "from needq.a import x  # a circle",
        "deep/d.py": "",
        "unused.py": "",
    }
    for name, content in files.items():
        (package / name).write_text(content)
    (tmp_path / "script.py").write_text("from needq import a, missing\nimport numpy\n")
    assert names("script.py", tmp_path) == set(files) - {"unused.py"}
    (tmp_path / "none.py").write_text("import needqother, json")
    assert names("none.py", tmp_path) == set()
