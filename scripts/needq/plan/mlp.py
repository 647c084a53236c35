"""Sweeps of the MLP beside those of W_Q, and what it costs to make their changes equal.

The Snakefile asks, so nothing but plain Python is imported.
"""

from needq.common.attention import DOCUMENTS, NOISE, TOKENS
from needq.common.keys import EQUAL_CHANGE, MLPS, noise_parts
from needq.common.settings import Config, Sweep
from needq.common.units import MlpSweep
from needq.plan import cost
from needq.plan.comparisons import SETTINGS
from needq.plan.cost import Job, Shape
from needq.plan.interventions import (
    CUMULATIVE,
    RUN,
    SINGLE,
    interventions,
    numbers_replaced,
    sweeps_run,
)
from needq.plan.selection import Selection, noise_names
from needq.plan.units import scored_sweeps

JOBS = 2  # one for tables, and one for a figure with its page
# per noise seed and block: with W_Q replaced, with noise alone, and the mixtures that are tried
PASSES = 2 + 8
# seconds per 10^6 weights that are mixed and put into the model, by the benchmarks of a run of
# configs/mlp.yaml (2026-11-27)
MIX = 0.02


def mlp_sweeps(selection: Selection) -> list[MlpSweep]:
    """The sweeps of the MLP, each after the sweep of W_Q that it is compared with, if there is one.

    That sweep has Gaussian noise, and all other settings in common with it. Of several, it is the
    one with the most numbers of blocks in common.
    """
    sweeps, names = selection.config.sweeps, scored_sweeps(selection)
    n_blocks = selection.config.model.n_blocks
    numbers = {name: set(numbers_replaced(sweeps[name], n_blocks)) for name in names}
    found: dict[str, MlpSweep] = {}
    for name in names:
        sweep = sweeps[name]
        if sweep.matrix not in MLPS or sweep.steps not in (CUMULATIVE, SINGLE):
            continue
        others = [other for other in names if _is_reference(sweeps[other], sweep)]
        shared = {other: len(numbers[other] & numbers[name]) for other in others}
        reference = max(others, key=shared.__getitem__, default=None)
        if reference is not None:
            found.setdefault(reference, _entry(reference, sweeps[reference], None))
        found[name] = _entry(name, sweep, reference)
    return list(found.values())


def _entry(name: str, sweep: Sweep, reference: str | None) -> MlpSweep:
    return {
        "sweep": name,
        "matrix": sweep.matrix,
        "method": sweep.method,
        "steps": sweep.steps,
        "reference": reference,
    }


def _is_reference(sweep: Sweep, of_mlp: Sweep) -> bool:
    """Whether a sweep replaces W_Q by Gaussian noise where another one replaces the MLP."""
    alike = sweep.model_copy(update={"matrix": of_mlp.matrix, "method": of_mlp.method})
    same = all(getattr(alike, name) == getattr(of_mlp, name) for name in SETTINGS)
    return same and (sweep.matrix, sweep.method) == ("q", "gaussian")


def mixed(config: Config) -> list[str]:
    """The matrices of the MLP that are mixed with noise until their change is that of W_Q."""
    names = noise_names(interventions(config, sweeps_run(config.sweeps, *RUN)))
    parts = [noise_parts(name) for name in names]
    return sorted({matrix for matrix, method, _ in parts if method == EQUAL_CHANGE})


def mlp_jobs(selection: Selection) -> int:
    """How many jobs of tables and pages these sweeps have."""
    return JOBS if mlp_sweeps(selection) else 0


def mix_job(config: Config, shape: Shape) -> Job:
    """Mix the MLP of every block with noise: for each noise seed, PASSES through each block."""
    passes = (1 + PASSES * len(config.noise_seeds)) * shape.n_blocks
    weights = shape.mlp_matrices * shape.width * shape.inner
    seconds = cost.start_seconds(shape, NOISE)
    seconds += cost.score_seconds(shape, NOISE, passes, 0, DOCUMENTS, TOKENS)
    seconds += MIX * passes * weights / 1e6
    # in float32: the weights, and for each noise seed the noise of W_Q and the MLP, and the mixture
    stored = shape.weights + len(config.noise_seeds) * shape.n_blocks * (
        shape.width**2 + 2 * weights
    )
    memory = cost.score_memory(shape, NOISE, 0, DOCUMENTS, TOKENS) + 4 * stored / cost.MB
    return Job(seconds, memory)
