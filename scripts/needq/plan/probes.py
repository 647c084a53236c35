"""Under which interventions a model is probed, and what that costs.

The Snakefile asks, so nothing but plain Python is imported.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from needq.common.probes import BACKEND, FOLDS, ITEMS, PROPERTIES
from needq.common.settings import Config
from needq.common.units import name_matrices
from needq.plan import cost
from needq.plan.choices import choose
from needq.plan.cost import MB, Job, Shape
from needq.plan.interventions import (
    ALL,
    CUMULATIVE,
    RUN,
    Intervention,
    numbers_replaced,
    sweeps_run,
)
from needq.plan.selection import noise_names

PRISTINE = "pristine"  # in the name of a job's file, in place of a noise seed

# seconds of a core, by the benchmarks of a run of configs/probes.yaml (2026-11-27): to start and to
# label a token, and to fit one probe, per 10^6 values of its training items
START, LABEL, FIT = 1.0, 2e-5, 0.07
LIBRARY = 130  # MB of scikit-learn, in the same run


def probed(config: Config) -> list[Intervention]:
    """The interventions that the model is probed under, the pristine model first; none if off."""
    probes = config.probes
    if not probes.run:
        return []
    return choose(config, probes.sweep, [0, *probes.blocks_replaced], probes.noise_seeds)


def jobs(config: Config) -> list[str]:
    """The names of the jobs that fit probes: the noise seeds, and "pristine" for what has none."""
    return list(dict.fromkeys(_job(one.noise_seed) for one in probed(config)))


def served(config: Config, job: str) -> list[Intervention]:
    """The interventions that one job serves."""
    return [one for one in probed(config) if _job(one.noise_seed) == job]


def matrix(config: Config) -> str:
    """The matrix that the sweep replaces, as figures and pages write it; none if probes are off."""
    if not config.probes.run:
        return ""
    return name_matrices(config.sweeps[config.probes.sweep].matrix)


def _job(noise_seed: int | None) -> str:
    return PRISTINE if noise_seed is None else str(noise_seed)


def problems(config: Config) -> Iterator[str]:
    """What is wrong with the group `probes`, if probes are fitted."""
    probes = config.probes
    if not probes.run:
        return
    for seed in probes.noise_seeds if isinstance(probes.noise_seeds, list) else []:
        if seed not in config.noise_seeds:
            yield f"probes.noise_seeds: {seed} is not one of noise_seeds"
    names = sweeps_run(config.sweeps, *RUN)
    if probes.sweep not in names:
        yield f"probes.sweep: there is no sweep {probes.sweep} that is run, but {', '.join(names)}"
        return
    sweep = config.sweeps[probes.sweep]
    if sweep.steps != CUMULATIVE:
        yield f"probes.sweep: {probes.sweep} has steps: {sweep.steps}; name one of cumulative steps"
        return
    numbers = [0, *numbers_replaced(sweep, config.model.n_blocks)]
    for number in [] if ALL in probes.blocks_replaced else probes.blocks_replaced:
        if number not in numbers:
            known = ", ".join(map(str, numbers))
            yield f"probes.blocks_replaced: {number} is not one of the sweep's numbers ({known})"


def all_jobs(config: Config, shape: Shape, documents: Sequence[float]) -> Iterator[Job]:
    """What every job of the probes costs, but for table and page.

    `documents` are the tokens of each document.
    """
    if config.probes.run:
        tokens = sum(documents)
        yield Job(START + LABEL * tokens, 150 + tokens / 1e3)
        for job in jobs(config):
            yield fit_job(config, shape, documents, job)


def fit_job(config: Config, shape: Shape, documents: Sequence[float], job: str) -> Job:
    """What it costs to pass the documents through the model, and to probe each stream."""
    own, rows = served(config, job), len(documents)
    blocks = cost.passed_blocks(own, shape.n_blocks)
    seconds = cost.start_seconds(shape, BACKEND)
    seconds += cost.score_seconds(shape, BACKEND, blocks + 1, 0, rows, fmean(documents))
    items = min(ITEMS, sum(documents))
    fits = 2 * FOLDS * len(PROPERTIES) * (blocks + 1)
    seconds += FIT * fits * items / FOLDS * shape.width / 1e6
    # a stream of every document for each block, and the arrays of a fit
    values = sum(documents) * shape.width * (shape.n_blocks + 4) * 4 + items * shape.width * 8 * 4
    memory = cost.model_memory(shape, BACKEND, len(noise_names(own))) + LIBRARY + values / MB
    return Job(seconds, memory)
