"""Under what noise attention is measured, and what that costs.

The Snakefile asks, so nothing but plain Python is imported.
"""

from needq.common.attention import DOCUMENTS, NOISE, TABLE, TOKENS
from needq.common.backends import Backend
from needq.common.keys import MEASURED, SCALED, noise_name, noise_parts
from needq.common.settings import Config
from needq.plan import cost
from needq.plan.cost import Job, Shape
from needq.plan.interventions import SCORES, TEXTS, interventions, sweeps_run
from needq.plan.selection import noise_names


def attention_noise(config: Config) -> list[str]:
    """The stored noise of W_Q under which attention is measured: of each method, every seed.

    It is Gaussian noise if no sweep replaces W_Q.
    """
    sweeps = [config.sweeps[name] for name in sweeps_run(config.sweeps, TEXTS, SCORES)]
    methods = dict.fromkeys(
        sweep.method for sweep in sweeps if sweep.matrix == "q" and sweep.method != SCALED
    )
    methods = methods or dict.fromkeys(["gaussian"])
    names = [noise_name("q", method, seed) for method in methods for seed in config.noise_seeds]
    return list(dict.fromkeys(names))


def matched(config: Config) -> list[str]:
    """The matrices ("q", "k") whose noise is scaled to match the spread of scores."""
    sweeps = sweeps_run(config.sweeps, TEXTS, SCORES)
    names = noise_names(interventions(config, sweeps))
    parts = [noise_parts(name) for name in names]
    return sorted({matrix for matrix, method, _ in parts if method == MEASURED})


def attention_job(config: Config, shape: Shape) -> Job:
    """Measure attention: of the pristine model, then twice per noise, in all blocks and in one."""
    noises = attention_noise(config)
    return _job(shape, TABLE, (1 + 2 * len(noises)) * shape.n_blocks, len(noises))


def match_job(config: Config, shape: Shape) -> Job:
    """Scale the noise of one matrix, and of its bias: five passes, and two more per noise seed."""
    seeds = len(config.noise_seeds)
    return _job(shape, NOISE, (4 + 2 * seeds) * shape.n_blocks, 2 * seeds)


def _job(shape: Shape, backend: Backend, blocks: int, noises: int) -> Job:
    """Pass the documents through so many blocks, with so many stored noises in memory."""
    seconds = cost.start_seconds(shape, backend)
    seconds += cost.score_seconds(shape, backend, blocks, 0, DOCUMENTS, TOKENS)
    weights = DOCUMENTS * shape.width // cost.HEAD_WIDTH * TOKENS**2  # of attention, per block
    seconds += blocks * weights * cost.RATES[cost.kind(backend)].value / 1e6 * 10
    memory = cost.score_memory(shape, backend, noises, DOCUMENTS, TOKENS)
    return Job(seconds, memory + 8 * 8 * weights / cost.MB)
