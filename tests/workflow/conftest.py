"""The real workflow, run in copies of the project on a config small enough for a test."""

import fcntl
import os

import pytest
from project import RICH, TINY, Project, fresh_project, merged

# The files whose tests take longest, in the order in which pytest's processes take them: the second
# process gets two at once, and the third has the next when most of its first is done.
FIRST = ["test_run", "test_another_model", "test_slurm", "test_interrupts", "test_conda"]


def pytest_collection_modifyitems(items):
    """Let the longest begin first, so that all processes end at about the same time."""
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(FIRST)))


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A project without results, as it is when the tests begin; tests leave it alone."""
    return fresh_project(tmp_path_factory.mktemp("source") / "project")


@pytest.fixture
def fresh(source, tmp_path):
    """A project without results, for one test."""
    return source.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def rich(source, tmp_path_factory):
    """A project after its first run, on the config RICH; tests leave it alone.

    Made once, by the first of pytest's processes that asks for it, while others wait. What the run
    said is in run.log: who runs Snakemake again does so in a copy.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, finished = base / "rich", base / "rich.finished"
    with open(base / "rich.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            assert not folder.exists(), "the run failed in another of pytest's processes"
            project = source.copy(folder, **RICH)
            project.finish()
            finished.touch()
    return Project(folder, merged(TINY, RICH))
