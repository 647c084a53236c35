"""Which models a run heals, from what, and what that costs.

The Snakefile asks, so nothing but plain Python is imported.
"""

import os
from collections.abc import Iterator, Sequence

from needq.common.backends import Backend
from needq.common.settings import Config
from needq.plan import cost
from needq.plan.choices import choose
from needq.plan.cost import MB, Job, Shape
from needq.plan.interventions import (
    ALL,
    CUMULATIVE,
    RUN,
    Intervention,
    interventions,
    sweeps_run,
)

MATRIX = "q"
# seconds of a training step, by those of scoring its rows, whose products are faster (0.245 s of a
# core per step of 4 rows of pocket-gpt2, 2026-11-27)
TRAINED = 3.9


def healed(config: Config) -> list[Intervention]:
    """The interventions whose damage is healed: the pristine model first, which is the control."""
    healing = config.healing
    if not healing.run:
        return []
    return choose(config, healing.sweep, [0, *healing.blocks_replaced], healing.noise_seeds)


def healed_name(intervention: Intervention) -> str:
    """What a healed model is called: how many blocks are replaced, and the noise seed.

    It contains no slash, as 12-0 or 00-none.
    """
    seed = "none" if intervention.noise_seed is None else intervention.noise_seed
    return f"{len(intervention.block_indices):02d}-{seed}"


def healing_problems(config: Config) -> Iterator[str]:
    """What is wrong with the group `healing`, if models are healed."""
    healing = config.healing
    if not healing.run:
        return
    known = [
        name
        for name in sweeps_run(config.sweeps, *RUN)
        if config.sweeps[name].matrix == MATRIX and config.sweeps[name].steps == CUMULATIVE
    ]
    if healing.sweep not in known:
        yield (
            f"healing.sweep: {healing.sweep} is no sweep that is run and replaces W_Q in "
            f"cumulative steps; these are {', '.join(known) or 'none'}"
        )
        return
    numbers = sorted({len(o.block_indices) for o in interventions(config, [healing.sweep])})
    for number in healing.blocks_replaced:
        if number != ALL and (number == 0 or number not in numbers):
            some = ", ".join(map(str, numbers[1:]))
            yield (
                f"healing.blocks_replaced: {number} is not a number of blocks that "
                f"{healing.sweep} replaces; these are {some}"
            )
    text = healing.text or config.evaluation.ngram_text
    if text is None:
        yield "healing.text: is null, and so is evaluation.ngram_text; give a text to train on"
    elif not os.path.isfile(text):
        yield f"healing.text: there is no file {text}"


def healing_jobs(config: Config, shape: Shape, documents: Sequence[float]) -> Iterator[Job]:
    """A job per healed model. `documents` are the tokens of each document that is scored."""
    for _ in healed(config):
        for _ in config.healing.parameters:
            yield healing_job(config, shape, documents)


def healing_job(config: Config, shape: Shape, documents: Sequence[float]) -> Job:
    """Train one model, and measure its loss on the way."""
    healing, backend = config.healing, Backend()
    tokens = min(healing.tokens, shape.context, max(documents))
    measured = healing.steps.bit_length() + 2
    used = sorted(documents)[-healing.documents :]
    mean = sum(used) / len(used)
    seconds = cost.start_seconds(shape, backend)
    seconds += measured * cost.score_seconds(shape, backend, shape.n_blocks, 1, len(used), mean)
    rows = healing.steps * healing.batch
    small = backend.changed(batch=healing.batch)
    mean = min(mean, tokens)
    seconds += TRAINED * cost.score_seconds(shape, small, shape.n_blocks, 1, rows, mean)
    # weights, gradients and two moments; what a pass back needs of every block; logits
    weights = 4 * shape.weights
    values = healing.batch * tokens * (2 * shape.n_blocks * shape.block_values)
    logits = 3 * healing.batch * tokens * shape.vocabulary
    memory = cost.model_memory(shape, backend, 1) + 4 * (weights + values + logits) / MB
    return Job(seconds, memory)
