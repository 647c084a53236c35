"""Places: what works there is left alone, and what does not is refused in one line."""

from pathlib import Path

import pytest
from needq.common.errors import UserError
from needq.plan import place

PYTHON = "/home/user/needq/.venv/bin/python"
PLACES = ("/home/user/needq", "/a b/it's", '/a"b', "/a$HOME", "/a;b", "/é", "/a\\b", "/a*b", "/a#b")


@pytest.mark.parametrize("project", PLACES)
def test_paths_that_snakemake_quotes_are_taken(project):
    place.check(Path(project), PYTHON)


@pytest.mark.parametrize(("project", "brace"), [("/a{b}c", "{"), ("/a}", "}"), ("/a{", "{")])
def test_braces_in_the_path_of_the_project_are_refused(project, brace):
    with pytest.raises(UserError) as error:
        place.check(Path(project), PYTHON)
    assert str(error.value) == (
        f"Snakemake cannot run {project}, since it takes {brace} for the name of a variable: move "
        "the project to a path without it"
    )


@pytest.mark.parametrize("python", ["/my env/bin/python", "/a'b/python", "/a$b/python", "/é/p"])
def test_a_python_that_a_shell_does_not_find_is_refused(python):
    with pytest.raises(UserError, match=r"^Snakemake cannot start jobs with /.*, since the path"):
        place.check(Path("/home"), python)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A project's folder, and the working directory beside it."""
    project, work = tmp_path / "project", tmp_path / "work"
    for file in (project / "texts/a.txt", project / "texts/b.txt", work / "texts/b.txt"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.chdir(work)
    return project


def config(path):
    return {
        "model": {"source": "folder", "location": path, "n_blocks": 2},
        "evaluation": {"text": path, "begin": "a"},
        "tasks": {"grammar": path, "cloze": path},
        "cuda": "auto",
    }


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("texts/a.txt", "../project/texts/a.txt"),
        ("texts/b.txt", "texts/b.txt"),  # there is one here
        ("texts/c.txt", "texts/c.txt"),  # there is none
        ("", ""),
        ("a\0", "a\0"),
    ],
)
def test_files_of_the_project_are_found_from_elsewhere(here, path, wanted):
    values = config(path)
    assert place.in_project(values, here) == config(wanted)
    assert values == config(path)


def test_absolute_paths_stay(here):
    values = config(str(here / "texts/a.txt"))
    assert place.in_project(values, here) == values


@pytest.mark.parametrize("source", ["hub", "wheel"])
def test_the_name_of_a_model_elsewhere_is_no_path(here, source):
    values = {"model": {"source": source, "location": "texts/a.txt"}}
    assert place.in_project(values, here) == values


@pytest.mark.parametrize("value", [None, 3, "text", [], {"text": 3}, {"text": None}, {}])
def test_what_the_config_checks_later_is_left_alone(here, value):
    values = {"model": value, "evaluation": value, "tasks": value}
    assert place.in_project(values, here) == values
