"""Which jobs of a run ran when, and how long cores waited, by Snakemake's log.

    python benchmarks/schedule.py LOG --cores 2    # LOG is in .snakemake/log

One line per job: the second at which it started and ended, counted from the first one, and its
benchmark file, which names it. Snakemake writes whole seconds. The last line says for how many
seconds of a core there was no job, and how long the longest stretch was.
"""

import argparse
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    """A job of a run that has ended; seconds are counted from any moment."""

    start: float
    end: float
    name: str


def read_jobs(log):
    """The jobs of a log, in the order in which they started."""
    now, started, ended = 0.0, {}, {}
    rule = number = None
    for line in log.read_text(encoding="utf-8").splitlines():
        if time := re.fullmatch(r"\[(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})\]", line):
            now = datetime.strptime(time[1], "%a %b %d %H:%M:%S %Y").timestamp()
        elif said := re.fullmatch(r"(?:local)?rule (\w+):", line):
            rule = said[1]
        elif said := re.fullmatch(r" +jobid: (\d+)", line):
            number = said[1]
            started[number] = (now, rule)
        elif said := re.fullmatch(r" +benchmark: .*?/benchmarks/(.+)\.tsv", line):
            started[number] = (started[number][0], said[1])
        elif said := re.match(r"Finished jobid: (\d+) ", line):
            ended[said[1]] = now
    jobs = [Job(start, ended[n], name) for n, (start, name) in started.items() if n in ended]
    return sorted(jobs)


def idle(jobs, cores):
    """The stretches in which not every core had a job: seconds, and how many cores had none."""
    changes = sorted({moment for job in jobs for moment in job[:2]})
    stretches = []
    for start, end in pairwise(changes):
        free = cores - sum(job.start <= start and job.end >= end for job in jobs)
        if free <= 0:
            continue
        if stretches and stretches[-1][1:] == (start, free):
            stretches[-1] = (stretches[-1][0], end, free)
        else:
            stretches.append((start, end, free))
    return [(end - start, free) for start, end, free in stretches]


def main():
    """Print the schedule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    jobs = read_jobs(arguments.log)
    first, last = jobs[0].start, max(job.end for job in jobs)
    for job in jobs:
        print(f"{job.start - first:6.0f} {job.end - first:6.0f}  {job.name}")
    waits = idle(jobs, arguments.cores)
    waited, longest = sum(a * b for a, b in waits), max((a for a, _ in waits), default=0)
    print(
        f"{len(jobs)} jobs in {last - first:.0f} s on {arguments.cores} cores, which had none for "
        f"{waited:.0f} s, at most {longest:.0f} s at a stretch"
    )


if __name__ == "__main__":
    main()
