# Common: what the stages share: what the run uses of its config, and where results lie.
#
# INPUTS   CONFIG, CUDA, PROJECT and SCRIPTS
# OUTPUTS  USED, REFERENCE, RESULTS, PAGE, the order of jobs, and the functions below
import atexit
import os
import sys
import time
from pathlib import Path

from needq.common import errors
from needq.common.keys import model_name
from needq.plan import at_hand, attention, choices, comparisons, cost, dependencies, estimate
from needq.plan import healing, mlp, probes, selection, subsets, verdicts
from needq.plan.interventions import RUN, TEXTS, sweeps_run
from needq.plan.names import words
from needq.plan.params import json_text
from needq.plan.report_pages import opposite, report_pages

STARTED = time.time()
USED = selection.Selection(CONFIG, CUDA)
REFERENCE, OPPOSITE = USED.reference, opposite(USED)
RESULTS = f"results/{CONFIG.run}"
# what every page is made of: the files of a folder, then the glossary
TEMPLATES = sorted(Path(PROJECT, "report/templates").iterdir())
TEMPLATES = [os.path.relpath(file) for file in (*TEMPLATES, Path(PROJECT, "docs/glossary.md"))]
# what every page says of its run
PAGE = {
    "run": CONFIG.run,
    "backends": USED.compared,
    "cuda": USED.on_cuda,
    "pairs": [list(pair) for pair in USED.pairs],
    "pages": list(report_pages(USED)),
}
# the order in which jobs start, so that no long job runs alone at the end while other cores wait:
# those that the longest ones wait for, the longest ones, other long ones; then all the rest, with 0
AWAITED, LONGEST, LONG = 3, 2, 1
# what pages call sweeps and interventions
NAMES = words(CONFIG, sweeps_run(CONFIG.sweeps, *RUN))


pathvars:
    results=RESULTS,
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",
    weights="<results>/backup/model.safetensors",
    model_config="<results>/backup/config.json",
    manifest="<results>/backup/manifest.json",
    tokens="<results>/backup/tokens.json",


wildcard_constraints:
    backend="[a-z][a-z0-9_]*",
    left="[a-z][a-z0-9_]*",
    right="[a-z][a-z0-9_]*",
    process="first|second",
    side="left|right",
    chunk="[0-9a-f]{12}",


def code(script):
    """The library modules that a script imports: as inputs, they re-run its rule when changed."""
    return [os.path.relpath(file) for file in dependencies.library_files(SCRIPTS / script, SCRIPTS)]


def of_backends(pattern, backends, scored_alone=False, answered=False):
    """The files of these backends, for each of the chunks that they run."""
    return [
        file
        for name in backends
        for file in expand(
            pattern,
            backend=name,
            chunk=USED.chunks_of(name, scored_alone=scored_alone, answered=answered),
        )
    ]


def patches_of(interventions):
    """The patches of the chunks that hold these interventions, and others in the same files."""
    chunks = choices.chunks_with(USED.chunks, interventions)
    return expand("<results>/corrupt/patches/{chunk}.json", chunk=chunks)


def of_pairs(pattern, pairs):
    """The files of these pairs of backends, for each of the chunks in which they are compared."""
    return [
        file
        for left, right in pairs
        for file in expand(pattern, left=left, right=right, chunk=USED.compared_chunks(left, right))
    ]


def look_when_a_job_ends():
    """Drop a limit of jobs per second, for which Snakemake would look for jobs all the time."""
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def print_result():
    """Print the verdicts and the answer last, if this run has come to them."""
    # at exit, since Snakemake has more to say after onsuccess
    atexit.register(print, *verdicts.last_lines(Path(RESULTS), STARTED), sep="\n", end="")


def repeat_errors():
    """Print last, where a user looks, what failed jobs said in their logs."""
    for line in errors.reported(Path(RESULTS, "logs"), STARTED):
        # at exit, since Snakemake has more to say after onerror
        atexit.register(print, line, file=sys.stderr)


# functions of wildcards, and what jobs need of a machine
include: "wildcards.smk"
include: "resources.smk"
include: "attention_jobs.smk"
include: "subset_jobs.smk"
include: "healing_jobs.smk"
include: "corner_noise.smk"
