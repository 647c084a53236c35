"""Rules across the keys of a config: what no single key can say.

Only what the run uses is checked: not a sweep with run: off, nor a backend that nothing names, nor
precisions and causes whose lists are empty. Each problem is one line that names its key.
"""

from collections.abc import Iterator
from typing import get_args

from needq.common.keys import EQUAL_CHANGE, MEASURED, MLPS, SCALED, WITHOUT_NOISE, matrices
from needq.common.settings import Config, Sweep
from needq.common.units import name_matrices
from needq.common.values import GpuName
from needq.plan import probes
from needq.plan.at_hand import file_problems
from needq.plan.corners import differing
from needq.plan.healing import healing_problems
from needq.plan.interventions import (
    ALL,
    CUMULATIVE,
    DIMENSIONS,
    DOSES,
    FORWARD,
    HEADS,
    ORDERS,
    RUN,
    SINGLE,
    TEXTS,
    most_blocks,
    numbers_replaced,
    steps_per_seed,
    sweeps_run,
)
from needq.plan.selection import Selection
from needq.plan.subsets import subset_problems

MOST_INTERVENTIONS = 100_000
OF_HEADS = ("rotated_heads", "rolled_heads", "identity")  # methods that need the heads of attention
GAUSSIAN_ONLY = "noise is gaussian only, but the method of sweep"


def problems(config: Config) -> Iterator[str]:
    """What is wrong with a config, most basic things first."""
    yield from file_problems(config)
    yield from _sweep_problems(config)
    yield from _size_problems(config)
    yield from probes.problems(config)
    yield from subset_problems(config)
    yield from healing_problems(config)
    unknown = list(_unknown_backends(config))
    yield from unknown
    if not unknown:
        # `cuda: auto` may run everything, whatever this machine has
        selection = Selection(config, cuda=config.cuda is not False)
        yield from _backend_problems(selection)
        yield from _reference_problems(selection)
        yield from _precision_problems(selection)
        yield from _cause_problems(selection)


def _sweep_problems(config: Config) -> Iterator[str]:
    if not sweeps_run(config.sweeps, TEXTS):
        yield "sweeps: none has run: texts; set it for one sweep"
    n_blocks = config.model.n_blocks
    for name in sweeps_run(config.sweeps, *RUN):
        sweep, key = config.sweeps[name], f"sweeps.{name}"
        if sweep.exact and sweep.run != TEXTS:
            yield f"{key}.exact: exact: true needs run: texts"
        if sweep.method in WITHOUT_NOISE and sweep.noise_fraction != 1:
            yield f"{key}.noise_fraction: has to be 1, since method {sweep.method} has no noise"
        if sweep.method == MEASURED and sweep.matrix not in ("q", "k"):
            other = name_matrices(matrices(sweep.matrix)[-1])
            why = f"no score depends on {other}"
            if other in ("W_Q", "W_K"):
                why = "one of them at a time"
            yield f"{key}.method: {MEASURED} is for W_Q and W_K; {why}"
        if sweep.method in (MEASURED, EQUAL_CHANGE) and sweep.exact:
            yield f"{key}.exact: has to be false, since native arithmetic measures {sweep.method}"
        yield from _mlp_problems(sweep, key)
        for block in sweep.block_order if isinstance(sweep.block_order, list) else []:
            if block >= n_blocks:
                blocks = f"blocks 0 to {n_blocks - 1}"
                yield f"{key}.block_order: there is no block {block}; the model has {blocks}"
        yield from _step_problems(sweep, key)
        most = most_blocks(sweep, n_blocks)
        for count in sweep.counts if isinstance(sweep.counts, list) else []:
            if count > most:
                yield f"{key}.counts: {count} is too many; the sweep replaces at most {most} blocks"


def _mlp_problems(sweep: Sweep, key: str) -> Iterator[str]:
    """Of a sweep of the MLP, and of the method that is for the MLP alone."""
    if sweep.matrix in MLPS:
        if sweep.steps == HEADS or sweep.heads != ALL:
            yield f"{key}.heads: has to be all, without steps: heads, since the MLP has no heads"
        if sweep.method in OF_HEADS:
            yield f"{key}.method: {sweep.method} needs heads, which the MLP does not have"
    if sweep.method != EQUAL_CHANGE:
        return
    if sweep.matrix not in MLPS:
        yield f"{key}.method: {EQUAL_CHANGE} is for the MLP ({', '.join(MLPS)})"
    for name, whole in (("noise_fraction", 1), ("bias", "keep"), ("dimensions", ALL)):
        if getattr(sweep, name) != whole:
            yield f"{key}.{name}: has to be {whole} with the method {EQUAL_CHANGE}"
    if sweep.steps not in (CUMULATIVE, SINGLE):
        yield f"{key}.steps: {EQUAL_CHANGE} needs cumulative or single, since it is of whole blocks"


def _step_problems(sweep: Sweep, key: str) -> Iterator[str]:
    """Of the steps of a sweep, whose keys begin with `key`."""
    steps = sweep.steps
    if steps != CUMULATIVE:
        if sweep.block_order in ORDERS and sweep.block_order != FORWARD:
            order = f"{steps} steps have no order; give forward or a list of blocks"
            yield f"{key}.block_order: {order}"
        if sweep.counts != ALL:
            yield f"{key}.counts: {steps} steps have no counts; list the blocks in block_order"
    if steps == HEADS and sweep.heads == ALL:
        yield f"{key}.heads: steps: heads needs a list of heads, such as [0, 1, 2, 3]"
    if steps == DIMENSIONS and sweep.dimensions != ALL:
        yield f"{key}.dimensions: has to be all, since steps: dimensions cuts them into groups"
    if steps != DOSES:
        if sweep.doses:
            yield f"{key}.doses: needs steps: doses"
        if sweep.method == SCALED:
            yield f"{key}.method: {SCALED} needs steps: doses"
        return
    if not sweep.doses:
        yield f"{key}.doses: steps: doses needs a list of doses, such as [0.25, 0.5, 1]"
    if sweep.noise_fraction != 1:
        yield f"{key}.noise_fraction: has to be 1, since doses say it"
    if sweep.method in WITHOUT_NOISE and sweep.method != SCALED:
        yield f"{key}.method: {sweep.method} has no noise, so it has no doses"
    for dose in sweep.doses if sweep.method != SCALED else []:
        if not 0 < dose <= 1:
            yield f"{key}.doses: {dose} is no noise fraction; give more than 0, and at most 1"


def _size_problems(config: Config) -> Iterator[str]:
    """Of runs that are too large to be planned, or that compute one text many times."""
    names = sweeps_run(config.sweeps, *RUN)
    steps = sum(steps_per_seed(config.sweeps[name], config.model.n_blocks) for name in names)
    count = steps * len(config.noise_seeds)
    if count > MOST_INTERVENTIONS:
        yield (
            f"noise_seeds: {steps} steps of all sweeps and {len(config.noise_seeds)} noise seeds "
            f"are {count} interventions; a run has at most {MOST_INTERVENTIONS}"
        )
    generation = config.generation
    if generation.temperature == 0 and len(generation.sample_seeds) > 1:
        yield (
            "generation.sample_seeds: has to be one seed, since with temperature 0 every seed "
            "gives the same text"
        )


def _unknown_backends(config: Config) -> Iterator[str]:
    divergence = config.divergence
    named = {"divergence.reference": [divergence.reference]}
    for index, pair in enumerate(divergence.pairs):
        named[f"divergence.pairs.{index}"] = pair
    if divergence.precisions.backends:
        named["divergence.precisions.reference"] = [divergence.precisions.reference]
        named["divergence.precisions.backends"] = divergence.precisions.backends
    for index, pair in enumerate(divergence.causes.pairs):
        named[f"divergence.causes.pairs.{index}"] = pair
    named["tasks.backends"] = config.tasks.backends
    for key, names in named.items():
        for name in names:
            if name not in divergence.backends:
                known = ", ".join(divergence.backends)
                yield f"{key}: there is no backend {name}; divergence.backends has {known}"


def _backend_problems(selection: Selection) -> Iterator[str]:
    """Of each backend that is run, by itself and under the sweeps that it runs."""
    sweeps = selection.config.sweeps
    for name in selection.used:
        backend, key = selection.backends[name], f"divergence.backends.{name}"
        if backend.arithmetic == "exact" and backend.precision != "float64":
            yield f"{key}.precision: exact arithmetic needs float64, not {backend.precision}"
        if backend.precision == "tf32" and backend.device != "cuda":
            yield f"{key}.precision: tf32 needs device cuda"
        for factor in ("rng", "noise"):
            if getattr(backend, factor) == "cuda" and backend.device == "cuda":
                yield f"{key}.{factor}: cuda is computed on a CPU; on device cuda, say native"
        if "cuda" in (backend.rng, backend.noise) and backend.gpu is None:
            known = ", ".join(get_args(GpuName))
            yield f"{key}.gpu: rng: cuda and noise: cuda are those of a card; name one of {known}"
    for name in selection.compared:
        backend = selection.backends[name]
        exact = backend.arithmetic == "exact"
        if exact and not sweeps_run(sweeps, TEXTS, exact=True):
            yield (
                f"sweeps: none has exact: true, but backend {name} is exact; set exact: true for a "
                f"sweep with run: texts, or take {name} out of divergence"
            )
        kinds = RUN if name in selection.scored and not exact else (TEXTS,)
        for sweep in sweeps_run(sweeps, *kinds, exact=exact):
            if backend.noise != "keyed" and sweeps[sweep].method != "gaussian":
                only = f"{backend.noise} {GAUSSIAN_ONLY} {sweep} is {sweeps[sweep].method}"
                yield f"divergence.backends.{name}.noise: {only}"


def _reference_problems(selection: Selection) -> Iterator[str]:
    config, reference = selection.config, selection.backends[selection.reference]
    if reference.device == "cuda" and config.cuda is not True:
        yield "divergence.reference: a backend on CUDA can be the reference only with cuda: yes"
    if reference.arithmetic == "exact":
        for name in sweeps_run(config.sweeps, TEXTS):
            if not config.sweeps[name].exact:
                yield f"sweeps.{name}.exact: has to be true, since the reference backend is exact"
    tokens = config.generation.max_new_tokens
    for position in config.divergence.positions:
        if position >= tokens:
            yield (
                f"divergence.positions: {position} is too large; generation.max_new_tokens is "
                f"{tokens}, so the last position is {tokens - 1}"
            )


def _precision_problems(selection: Selection) -> Iterator[str]:
    precisions = selection.config.divergence.precisions
    if precisions.reference in precisions.backends:
        yield f"divergence.precisions.backends: {precisions.reference} is the reference already"
    for name in dict.fromkeys(name for pair in selection.precision_pairs for name in pair):
        for key in ("rng", "noise"):
            if getattr(selection.backends[name], key) != "keyed":
                yield (
                    f"divergence.backends.{name}.{key}: has to be keyed, since "
                    f"divergence.precisions names {name}"
                )


def _cause_problems(selection: Selection) -> Iterator[str]:
    if not selection.ledger_pairs:
        return
    config, key = selection.config, "divergence.causes"
    causes = config.divergence.causes
    for seed in causes.noise_seeds if isinstance(causes.noise_seeds, list) else []:
        if seed not in config.noise_seeds:
            yield f"{key}.noise_seeds: {seed} is not one of noise_seeds"
    with_texts = sweeps_run(config.sweeps, TEXTS)
    if causes.sweep not in with_texts:
        known = ", ".join(with_texts)
        yield f"{key}.sweep: there is no sweep {causes.sweep} with run: texts, but {known}"
        return
    sweep = config.sweeps[causes.sweep]
    for index, pair in enumerate(causes.pairs):
        if not differing(*(config.divergence.backends[name] for name in pair)):
            yield f"{key}.pairs.{index}: {pair[0]} and {pair[1]} do not differ in any cause"
    numbers = [0, *numbers_replaced(sweep, config.model.n_blocks)]
    for number in [] if ALL in causes.blocks_replaced else causes.blocks_replaced:
        if number not in numbers:
            known = ", ".join(map(str, numbers))
            yield f"{key}.blocks_replaced: {number} is not one of the sweep's numbers ({known})"
    if sweep.method != "gaussian":
        yield f"{key}.sweep: native {GAUSSIAN_ONLY} {causes.sweep} is {sweep.method}"
