"""Places: where the project lies, where it works, and the paths that Snakemake cannot take."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from needq.common.errors import UserError

# the keys of files and folders; those of a hub or an index of packages are none
PATHS = (
    ("model", "location"),
    ("evaluation", "text"),
    ("evaluation", "ngram_text"),
    ("tasks", "grammar"),
    ("tasks", "cloze"),
)
ELSEWHERE = ("hub", "wheel")


def check(project: Path, python: str) -> None:
    """UserError for a project's folder, or a Python, with which Snakemake would fail later."""
    for brace in sorted(set(str(project)) & set("{}")):
        raise UserError(
            f"Snakemake cannot run {project}, since it takes {brace} for the name of a variable: "
            "move the project to a path without it"
        )
    if python != shlex.quote(python):
        raise UserError(
            f"Snakemake cannot start jobs with {python}, since the path has a space or another "
            "character that a shell would not take as it is: put the environment at another path"
        )


def in_project(values: Mapping[str, object], project: Path) -> dict[str, object]:
    """The config with the files of the project as seen from the working directory.

    A path that leads to nothing in the working directory is one of the project, if it leads to
    something there. The two differ with `snakemake --directory` and in a module of another
    workflow.
    """
    found = dict(values)
    for group, key in PATHS:
        settings = found.get(group)
        if not isinstance(settings, Mapping) or settings.get("source") in ELSEWHERE:
            continue
        path = settings.get(key)
        if isinstance(path, str) and path and "\0" not in path and not os.path.exists(path):
            there = os.path.join(project, path)
            if os.path.exists(there):
                found[group] = {**settings, key: os.path.relpath(there)}
    return found
