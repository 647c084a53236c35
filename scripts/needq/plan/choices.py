"""Some interventions of a sweep: those that the ledger, probes, subsets and healing are about."""

from collections.abc import Collection, Sequence
from typing import TypedDict

from needq.common.settings import Config
from needq.plan.interventions import (
    ALL,
    Chunks,
    Intervention,
    numbers_replaced,
    sweep_interventions,
)


class Choice(TypedDict):
    """Some interventions of a sweep, as `corrupt.patches.read_patches` finds them."""

    sweep: str
    blocks_replaced: list[int]
    noise_seeds: list[int | None]  # None is the pristine model


def choose(
    config: Config,
    sweep: str,
    blocks_replaced: Collection[int | str],
    noise_seeds: int | Sequence[int],
) -> list[Intervention]:
    """The interventions of a sweep that replace these numbers of blocks; "all" is the most.

    `noise_seeds` are listed, or how many of the config's there are, from the first on. What has no
    noise seed is there too: the pristine model, and methods without noise.
    """
    settings, n_blocks = config.sweeps[sweep], config.model.n_blocks
    most = max(numbers_replaced(settings, n_blocks))
    wanted = {most if number == ALL else number for number in blocks_replaced}
    seeds = config.noise_seeds[:noise_seeds] if isinstance(noise_seeds, int) else noise_seeds
    steps = sweep_interventions(sweep, settings, n_blocks, seeds)
    return [one for one in steps if len(one.block_indices) in wanted]


def as_choice(interventions: Sequence[Intervention]) -> Choice:
    """All of these interventions of one sweep, by what their patches say of them."""
    return {
        "sweep": interventions[0].sweep,
        "blocks_replaced": sorted({len(one.block_indices) for one in interventions}),
        "noise_seeds": list(dict.fromkeys(one.noise_seed for one in interventions)),
    }


def chunks_with(chunks: Chunks, interventions: Collection[Intervention]) -> list[str]:
    """The chunks that hold these interventions."""
    wanted = set(interventions)
    return [name for name, chunk in chunks.items() if wanted & set(chunk)]
