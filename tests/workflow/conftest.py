"""The real workflow, run in copies of the project on a config small enough for a test."""

import pytest
from project import CLAIMS, ONE_BACKEND, fresh_project


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A project without results, as it is when the tests begin; tests leave it alone."""
    return fresh_project(tmp_path_factory.mktemp("source") / "project")


@pytest.fixture
def fresh(source, tmp_path):
    """A project without results, for one test."""
    return source.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(source, tmp_path_factory):
    """A function that gives a project after its first run with these changes of the config."""

    def run(name, **changes):
        project = source.copy(tmp_path_factory.mktemp(name) / "project")
        project.configure(**changes)
        project.finish()
        return project

    return run


@pytest.fixture(scope="session")
def baseline(finished):
    """A project after its first run, with exact, ladder and ledger; tests leave it alone."""
    return finished("baseline")


@pytest.fixture(scope="session")
def one_backend(finished):
    """A project after its first run on the CPU in float32 alone; tests leave it alone."""
    return finished("one_backend", **ONE_BACKEND)


@pytest.fixture(scope="session")
def claimed(finished):
    """A project after a run that decides claims; tests leave it alone."""
    return finished("claimed", **CLAIMS)
