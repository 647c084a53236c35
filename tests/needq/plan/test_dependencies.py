"""Which library files a script uses."""

from pathlib import Path

import pytest
from needq.plan.dependencies import library_files

SCRIPTS = Path(__file__).parents[3] / "scripts"
# what everything that asks for a model's architecture uses
ARCHITECTURES = """
    backup/architectures backup/families backup/family_fused backup/family_gemma backup/family_gpt
    backup/family_llama backup/family_opt backup/family_phi backup/keys backup/layout
    backup/model_config backup/source_files
"""


def names(script, root=SCRIPTS):
    found = library_files(root / script)
    assert found == sorted(found)
    return {file.relative_to(root / "needq").as_posix() for file in found}


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        (
            "back_up.py",
            f"{ARCHITECTURES} backup/buffers backup/checkpoint backup/gate backup/gguf_file "
            "backup/compiler backup/model backup/model_classes backup/originals backup/self_check "
            "backup/sources backup/tokenizer "
            "common/backends common/errors common/files common/group common/healing common/keys "
            "common/logs common/probes common/rows common/settings common/sources "
            "common/subsets common/tensors common/values",
        ),
        (
            "tokenize_texts.py",
            "backup/documents backup/encoder backup/task_files backup/tasks "
            "backup/tokenizer backup/tokens "
            "common/errors common/files "
            "common/backends common/group common/healing common/logs common/probes "
            "common/rows common/settings common/subsets common/values",
        ),
        (
            "corrupt.py",
            f"{ARCHITECTURES} common/errors common/files common/keys common/logs common/rows "
            "common/tensors backup/replaceable corrupt/keyed "
            "corrupt/methods corrupt/patches corrupt/rotations exact/elementary exact/tiles "
            "plan/interventions",
        ),
        (
            "diff.py",
            "common/errors common/files common/keys common/logs common/positions common/rows "
            "common/schemas common/tables common/tensors divergence/diff",
        ),
    ],
)
def test_the_closures_of_the_scripts(script, wanted):
    modules = wanted.split()
    packages = {"__init__", *(f"{name.partition('/')[0]}/__init__" for name in modules)}
    assert names(script) == {f"{name}.py" for name in packages.union(modules)}


def test_every_script_is_covered():
    # a rule's script runs as a job; these are none
    own = {SCRIPTS / "make_crate.py", SCRIPTS / "new_run.py"}
    for script in sorted(set(SCRIPTS.glob("*.py")) - own):
        assert {"__init__.py", "common/logs.py", "common/errors.py"} <= names(script.name)


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


def test_what_only_a_type_checker_reads_is_left_out(tmp_path):
    (tmp_path / "needq").mkdir()
    for name in ("__init__", "types", "used"):
        (tmp_path / f"needq/{name}.py").touch()
    (tmp_path / "script.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from needq import types\n"
        "else:\n    from needq import used\n"
    )
    assert names("script.py", tmp_path) == {"__init__.py", "used.py"}
