# What the stages share: the checked config, its block sets and backends, and where results lie.
import atexit
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from needq import config as needq_config, cuda, errors, imports, interventions

STARTED = time.time()
SCRIPTS = Path(workflow.basedir, "scripts")


def checked_config():
    """The config with defaults and the decision on CUDA; a mistake in it ends with one line."""
    try:
        complete = needq_config.checked(
            config, Path(workflow.basedir, "schemas/config.schema.yaml")
        )
        local = not (workflow.is_main_process and workflow.non_local_exec)
        return complete, cuda.decide(complete["cuda"], workflow.is_main_process, local)
    except errors.UserError as error:
        sys.exit(f"{errors.PREFIX}{error}")


CONFIG, CUDA = checked_config()
RESULTS = f"results/{CONFIG['run']}"
BACKENDS = needq_config.backends_in_use(CONFIG, CUDA)
PAIRS = needq_config.pairs_in_use(CONFIG, CUDA)
EXACT_CHUNKS, CHUNKS = interventions.chunked(CONFIG)


wildcard_constraints:
    backend="[a-z][a-z0-9_]*",
    left="[a-z][a-z0-9_]*",
    right="[a-z][a-z0-9_]*",
    process="first|second",
    chunk="[0-9a-f]{12}",


def code(script):
    """The library modules that a script imports: as inputs, they re-run its rule when changed."""
    return [os.path.relpath(file) for file in imports.library_files(SCRIPTS / script)]


def members(wildcards):
    """The interventions of a chunk, as plain values for params."""
    return [member.to_dict() for member in CHUNKS[wildcards.chunk]]


def noise_files(wildcards):
    """The stored noise that the interventions of a chunk draw on."""
    names = {member.noise for member in CHUNKS[wildcards.chunk] if member.noise}
    return [f"{RESULTS}/corrupt/noise/{name}.safetensors" for name in sorted(names)]


def chunks_of(*names):
    """The chunks that all of these backends run: exact ones only those of `exact_sweeps`."""
    exact = any(CONFIG["backends"][name]["arithmetic"] == "exact" for name in names)
    return list(EXACT_CHUNKS if exact else CHUNKS)


def of_backends(pattern):
    """The files of every backend and each of its chunks."""
    return [
        file
        for backend in BACKENDS
        for file in expand(pattern, backend=backend, chunk=chunks_of(backend))
    ]


def backend(wildcards):
    """The config of a backend."""
    return CONFIG["backends"][wildcards.backend]


def backend_threads(wildcards):
    """The CPU threads that a backend computes with."""
    return backend(wildcards)["threads"]


def gpus(wildcards):
    """How many GPUs a job of a backend occupies."""
    return int(backend(wildcards)["device"] == "cuda")


def right_process(wildcards):
    """The process whose results stand on the right: the second, if a backend meets itself."""
    return "second" if wildcards.left == wildcards.right else "first"


def right_texts(wildcards):
    """The texts on the right."""
    process = right_process(wildcards)
    return f"{RESULTS}/generate/{wildcards.right}/{process}/{wildcards.chunk}.parquet"


def right_logits(wildcards):
    """The logits on the right."""
    process = right_process(wildcards)
    return f"{RESULTS}/score/{wildcards.right}/{process}/{wildcards.chunk}.logits.safetensors"


def pair_precisions(wildcards):
    """The floating-point formats of the two backends."""
    return [CONFIG["backends"][name]["precision"] for name in (wildcards.left, wildcards.right)]


def repeat_errors():
    """Print last, where a user looks, what failed jobs said in their logs."""
    for line in errors.reported(Path(RESULTS, "logs"), STARTED):
        # at exit, since Snakemake has more to say after onerror
        atexit.register(print, line, file=sys.stderr)
