"""Measure what a job on Slurm costs beyond its work, on the tests' Slurm of one machine, as root.

    python benchmarks/slurm.py

It prints the seconds in Slurm, and those of the script alone, for a few small jobs of the tests'
config.
"""

import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/helpers"))

from cluster import said, slurm
from project import Project, fresh_project

PROFILE = "--config cuda=no --workflow-profile profiles/slurm".split()
TARGETS = ["results/tiny/tables/q_histogram.tsv", "results/tiny/backup/tokens.json"]


def seconds(job: str) -> float:
    """How long a job was in Slurm, from its start to its end."""
    shown = said("scontrol", "show", "job", job)
    start, end = (re.search(rf"\b{key}=(\S+)", shown)[1] for key in ("StartTime", "EndTime"))
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def work(project: Project, rule: str) -> float:
    """How long the script of a rule that has one job here took."""
    folder = project.results / "benchmarks"
    (table,) = [*folder.glob(f"{rule}.tsv"), *folder.glob(f"{rule}/*.tsv")]
    return float(table.read_text(encoding="utf-8").splitlines()[1].split("\t")[0])


def main() -> None:
    """Submit two jobs and print how long each took."""
    with tempfile.TemporaryDirectory() as folder, slurm():
        project = fresh_project(Path(folder) / "project")
        code, log = project.run(*PROFILE, *TARGETS)
        assert code == 0, log
        for job, rule in re.findall(r"submitted with SLURM jobid (\d+) .*/rule_(\w+)/", log):
            print(f"{rule}: {seconds(job):.0f} s in Slurm, {work(project, rule):.1f} s of work")


if __name__ == "__main__":
    main()
