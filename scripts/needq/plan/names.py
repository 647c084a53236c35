"""What sweeps and interventions are called where people read: words instead of ids.

`q/cumulative/06` is "6 blocks" in a table of its sweep, and "W_Q of the first 6 blocks" elsewhere.
"""

from collections.abc import Sequence
from math import nan

from needq.common.keys import matrices
from needq.common.names import METHOD_NAMES, Names
from needq.common.settings import Config, Sweep
from needq.common.units import name_matrices, name_sweep, name_unit
from needq.plan.interventions import (
    ALL,
    CUMULATIVE,
    DOSES,
    FORWARD,
    HEADS,
    IN_ONE_BLOCK,
    RANDOM,
    REVERSED,
    Intervention,
    sweep_interventions,
)

FEW = 6  # blocks of a list that are named one by one
PRISTINE = "pristine model"


def words(config: Config, sweeps: Sequence[str]) -> Names:
    """The words for these sweeps and all their interventions."""
    n_blocks = config.model.n_blocks
    found: Names = {"sweeps": {}, "steps": {}, "interventions": {}}
    for name in sweeps:
        sweep = config.sweeps[name]
        found["sweeps"][name] = describe_sweep(sweep)
        for one in sweep_interventions(name, sweep, n_blocks, config.noise_seeds):
            found["steps"][one.id] = name_step(one)
            found["interventions"][one.id] = name_intervention(one, sweep, n_blocks)
    return found


def describe_sweep(sweep: Sweep) -> str:
    """What a sweep replaces and by what: `W_Q of the first blocks: Gaussian noise`."""
    replaced = _matrices(sweep)
    if sweep.steps in IN_ONE_BLOCK:
        words = name_sweep(sweep.matrix, sweep.steps).replace(name_matrices(sweep.matrix), replaced)
    elif sweep.steps == DOSES:
        words = f"{replaced}, by dose"
    elif isinstance(sweep.block_order, str):
        ends = {FORWARD: "the first blocks", REVERSED: "the last blocks"}
        words = f"{replaced} of {ends.get(sweep.block_order, 'blocks in a random order')}"
    else:
        words = f"{replaced} of {_list(sweep.block_order)}"
    return f"{words}: {_method(sweep)}"


def name_step(one: Intervention) -> str:
    """What an intervention replaces, where its sweep is known: `6 blocks`, `block 3, head 2`."""
    if one.steps == CUMULATIVE:
        return _count(len(one.block_indices))
    if not one.block_indices:
        return PRISTINE
    return f"dose {one.dose / 100:g}" if one.dose is not None else _unit(one)


def name_intervention(one: Intervention, sweep: Sweep, n_blocks: int) -> str:
    """What an intervention of a sweep replaces: `W_Q of the first 6 blocks`.

    Another method than Gaussian noise is named too. `n_blocks` is how many blocks the model has.
    """
    if not one.block_indices:
        return PRISTINE
    single = one.steps in IN_ONE_BLOCK
    place = _unit(one) if single else _place(one.block_indices, sweep, n_blocks)
    words = f"{_matrices(sweep)} of {place}"
    if one.dose is not None:
        words += f", dose {one.dose / 100:g}"
    return words if _method(sweep) == METHOD_NAMES["gaussian"] else f"{words} ({_method(sweep)})"


def _place(block_indices: Sequence[int], sweep: Sweep, n_blocks: int) -> str:
    """Which blocks are replaced together."""
    count = len(block_indices)
    if count == n_blocks:
        return f"all {_count(n_blocks)}"
    if not isinstance(sweep.block_order, str):
        return _list(block_indices)
    if sweep.block_order == RANDOM:
        return f"{_count(count)} in a random order"
    end = "first" if sweep.block_order == FORWARD else "last"
    return f"the {end} {_count(count) if count > 1 else 'block'}"


def _matrices(sweep: Sweep) -> str:
    """What is replaced in a block: `W_Q`, `W_Q and b_Q`, `W_Q (heads 0, 1)`."""
    words = name_matrices(sweep.matrix)
    if sweep.bias == "replace":
        words += "".join(f" and b_{one.upper()}" for one in matrices(sweep.matrix))
    if sweep.steps != HEADS and sweep.heads != ALL:
        words += f" (heads {', '.join(map(str, sweep.heads))})"
    if sweep.dimensions != ALL:
        words += " (some dimensions)"
    return words


def _method(sweep: Sweep) -> str:
    """What replaces the matrices, with its noise fraction if that is not all."""
    words = METHOD_NAMES[sweep.method]
    return words if sweep.noise_fraction == 1 else f"{words}, fraction {sweep.noise_fraction:g}"


def _unit(one: Intervention) -> str:
    """The part of one block that an intervention replaces."""
    head = one.heads[0] if one.heads and one.steps == HEADS else nan
    return name_unit(one.block_indices[0], head, one.group[0] if one.group else nan)


def _count(count: int) -> str:
    return f"{count} block" if count == 1 else f"{count} blocks"


def _list(blocks: Sequence[int]) -> str:
    """Blocks of a list by their indices, or their number if there are many."""
    if len(blocks) == 1:
        return f"block {blocks[0]}"
    return f"blocks {', '.join(map(str, blocks))}" if len(blocks) <= FEW else _count(len(blocks))
