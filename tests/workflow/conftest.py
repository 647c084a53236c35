"""The real workflow, run in copies of the project on a config small enough for a test."""

from pathlib import Path

import pytest
from project import ONE_BACKEND, fresh_project


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A project without results, as it is when the tests begin; tests leave it alone."""
    return fresh_project(tmp_path_factory.mktemp("source") / "project")


@pytest.fixture
def fresh(source, tmp_path):
    """A project without results, for one test."""
    return source.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def baseline(source, tmp_path_factory):
    """A project after its first run, in float32 and exact arithmetic; tests leave it alone."""
    project = source.copy(tmp_path_factory.mktemp("baseline") / "project")
    project.finish()
    return project


@pytest.fixture(scope="session")
def one_backend(baseline, tmp_path_factory):
    """The same after its config was changed to the CPU in float32 alone, and it ran again."""
    project = baseline.copy(tmp_path_factory.mktemp("one_backend") / "project")
    project.configure(**ONE_BACKEND)
    project.finish()
    unused = [file for file in project.results.rglob("*") if "exact" in str(file)]
    for file in filter(Path.is_file, unused):
        file.unlink()
    return project
