# What the stages share: the checked config, its block sets and backends, and where results lie.
import atexit
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from snakemake.cli import parse_args

from needq.common import errors
from needq.plan import ledger_steps as causes, config as needq_config, cuda, dependencies as imports, interventions
from needq.plan import comparisons as roles, verdicts as summary

STARTED = time.time()
SCRIPTS = Path(workflow.basedir, "scripts")


def jobs_run_here():
    """Whether jobs run on this machine. Snakemake keeps its executor to itself until later."""
    return not workflow.is_main_process or parse_args(None)[1].executor in (None, "local")


def checked_config():
    """The config with defaults and the decision on CUDA; a mistake in it ends with one line."""
    try:
        complete = needq_config.checked(
            config, Path(workflow.basedir, "schemas/config.schema.yaml")
        )
        return complete, cuda.decide(complete["cuda"], workflow.is_main_process, jobs_run_here())
    except errors.UserError as error:
        sys.exit(f"{errors.PREFIX}{error}")


CONFIG, CUDA = checked_config()
BLOCKS = CONFIG["model"]["blocks"]
RESULTS = f"results/{CONFIG['run']}"
SCORED = needq_config.scored_backends(CONFIG, CUDA)
COMPARED = needq_config.compared_backends(CONFIG, CUDA)
PAIRS = needq_config.pairs_in_use(CONFIG, CUDA)
# its tokens are what others score, and on its numbers claims are decided
REFERENCE = CONFIG["compare"]["reference"]
# the backends that answer the probes
PROBED = [REFERENCE, *CONFIG["probes"]["backends"]]
# which sweeps the claims compare; none if the article's own is not run
ROLES = roles.roles(*[CONFIG[key] for key in ("sweeps", "full_sweeps", "scored_sweeps")], BLOCKS)
# the sweep that the first page and the walk are about
HEADLINE = ROLES.get("q", CONFIG["full_sweeps"][0])
LADDER = needq_config.ladder_in_use(CONFIG, CUDA)
LEDGER = needq_config.ledger_in_use(CONFIG, CUDA)
# whether any backend that is run computes on CUDA: figures and pages say so if none does
ON_CUDA = needq_config.on_cuda(CONFIG, COMPARED + [name for pair in LEDGER for name in pair])
EXACT_CHUNKS, FULL_CHUNKS, CHUNKS = interventions.chunked(CONFIG)
TEMPLATES = [
    os.path.relpath(file) for file in sorted(Path(workflow.basedir, "report/templates").iterdir())
]


wildcard_constraints:
    backend="[a-z][a-z0-9_]*",
    left="[a-z][a-z0-9_]*",
    right="[a-z][a-z0-9_]*",
    process="first|second",
    side="left|right",
    chunk="[0-9a-f]{12}",


def code(script):
    """The library modules that a script imports: as inputs, they re-run its rule when changed."""
    return [os.path.relpath(file) for file in imports.library_files(SCRIPTS / script, SCRIPTS)]


def noise_paths(interventions):
    """The stored noise that interventions draw on."""
    names = {one.noise for one in interventions if one.noise}
    return [f"{RESULTS}/corrupt/noise/{name}.safetensors" for name in sorted(names)]


def chunks_of(left, right):
    """The chunks of which two backends are compared; one twice for its null control."""
    exact = "exact" in [CONFIG["backends"][name]["arithmetic"] for name in (left, right)]
    return [
        name
        for name, chunk in (EXACT_CHUNKS if exact else FULL_CHUNKS).items()
        if left != right or interventions.controlled(chunk, CONFIG["noise_seeds"])
    ]


def of_backends(pattern, backends, chunks=FULL_CHUNKS):
    """The files of these backends, for each of the chunks that they run."""
    exact = {name: CONFIG["backends"][name]["arithmetic"] == "exact" for name in backends}
    return [
        file
        for name in backends
        for file in expand(pattern, backend=name, chunk=EXACT_CHUNKS if exact[name] else chunks)
    ]


def print_claims():
    """Print the verdicts last, if this run has come to them."""
    table = Path(RESULTS, "tables/claims.tsv")
    if ROLES and table.exists() and table.stat().st_mtime >= STARTED:
        # at exit, since Snakemake has more to say after onsuccess
        atexit.register(print, *summary.claims(table), sep="\n")


def repeat_errors():
    """Print last, where a user looks, what failed jobs said in their logs."""
    for line in errors.reported(Path(RESULTS, "logs"), STARTED):
        # at exit, since Snakemake has more to say after onerror
        atexit.register(print, line, file=sys.stderr)


# functions of wildcards, and what jobs need of a machine
include: "wildcards.smk"
include: "resources.smk"
