"""Interventions, the sweeps that name them, and the chunks in which jobs serve them.

Grammar of an intervention's id: MATRIX/SWEEP/STEP. In a sweep of cumulative steps, STEP is a count:
`q/cumulative/05` is W_Q, the sweep `cumulative`, the first five blocks of that sweep replaced, and
`q/cumulative/00` the pristine model. In a sweep of single steps, STEP is the block that is
replaced: `k/single/03` is W_K of block 3 alone, and `k/single/none` the pristine model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from needq.common.files import canonical_json, sha256
from needq.common.keys import WITHOUT_NOISE, noise_name
from needq.common.rows import InterventionKeys

if TYPE_CHECKING:
    from needq.common.settings import Config, Sweep

# the words of a sweep's settings (needq.common.settings)
FORWARD, REVERSED, RANDOM = ORDERS = ("forward", "reversed", "random")
ALL, HALVES, QUARTERS = ("all", "halves", "quarters")
CUMULATIVE, SINGLE = "cumulative", "single"
TEXTS, TASKS, SCORES = RUN = ("texts", "tasks", "scores")


@dataclass(frozen=True)
class Intervention:
    """What is replaced, by what, and how much of it.

    `heads` and `dimensions` are None for all. `noise_fraction` in (0, 1] is the share of the
    variance that is noise. `noise_seed` is None where nothing is left to chance: for the pristine
    model, and for methods without noise, unless the seed has drawn the order of blocks.
    """

    sweep: str
    matrix: str
    block_indices: tuple[int, ...]
    heads: tuple[int, ...] | None
    dimensions: tuple[int, ...] | None
    method: str
    noise_fraction: float
    bias: str
    noise_seed: int | None
    steps: str

    @property
    def id(self) -> str:
        """The intervention's id, which names no noise seed."""
        if self.steps == SINGLE:
            step = f"{self.block_indices[0]:02d}" if self.block_indices else "none"
        else:
            step = f"{len(self.block_indices):02d}"
        return f"{self.matrix}/{self.sweep}/{step}"

    @property
    def noise(self) -> str | None:
        """The name of the stored noise that this intervention draws on."""
        if not self.block_indices:
            return None
        return noise_name(self.matrix, self.method, self.noise_seed)

    def keys(self) -> InterventionKeys:
        """The columns by which every table knows this intervention."""
        single = self.steps == SINGLE and self.block_indices
        return {
            "sweep": self.sweep,
            "intervention": self.id,
            "block": self.block_indices[0] if single else None,
            "blocks_replaced": len(self.block_indices),
            "noise_seed": self.noise_seed,
        }

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON and for Snakemake's params."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Intervention:
        """The inverse of `to_dict`, from plain values (lists serve for tuples)."""
        fields: dict[str, Any] = dict(values)
        for name in ("block_indices", "heads", "dimensions"):
            fields[name] = None if fields[name] is None else tuple(fields[name])
        return cls(**fields)


Chunks = dict[str, list[Intervention]]


def sweep_interventions(
    name: str, sweep: Sweep, n_blocks: int, noise_seeds: Sequence[int]
) -> list[Intervention]:
    """The pristine model, then the steps of the sweep for each noise seed.

    Cumulative steps replace the first 1, 2, ... blocks of the sweep, or as many as its `counts`
    say; single steps each block by itself. `n_blocks` is how many the model has.
    """
    pristine = Intervention(
        sweep=name,
        matrix=sweep.matrix,
        block_indices=(),
        heads=_chosen(sweep.heads),
        dimensions=_chosen(sweep.dimensions),
        method=sweep.method,
        noise_fraction=sweep.noise_fraction,
        bias=sweep.bias,
        noise_seed=None,
        steps=sweep.steps,
    )
    fixed = sweep.method in WITHOUT_NOISE and sweep.block_order != RANDOM
    steps = [pristine]
    for seed in [None] if fixed else noise_seeds:
        order = ordered_blocks(sweep.block_order, n_blocks, seed)
        for count in step_counts(sweep, len(order)):
            first = count - 1 if sweep.steps == SINGLE else 0
            steps.append(replace(pristine, block_indices=order[first:count], noise_seed=seed))
    return steps


def step_counts(sweep: Sweep, most: int) -> Sequence[int]:
    """The steps of a sweep over `most` blocks, as numbers of blocks; each block if single.

    halves: half of the blocks, and all. quarters: a quarter, a half, and all. Rounded up.
    """
    if isinstance(sweep.counts, list):
        return sorted(sweep.counts)
    if sweep.counts == ALL:
        return range(1, most + 1)
    parts = (2, 1) if sweep.counts == HALVES else (4, 2, 1)
    return sorted({-(-most // part) for part in parts})


def numbers_replaced(sweep: Sweep, n_blocks: int) -> Sequence[int]:
    """How many blocks the interventions of a sweep replace, without the pristine model."""
    return [1] if sweep.steps == SINGLE else step_counts(sweep, most_blocks(sweep, n_blocks))


def most_blocks(sweep: Sweep, n_blocks: int) -> int:
    """How many blocks a sweep replaces at most, of a model of `n_blocks`."""
    return n_blocks if isinstance(sweep.block_order, str) else len(sweep.block_order)


def ordered_blocks(
    order: str | Sequence[int], n_blocks: int, noise_seed: int | None
) -> tuple[int, ...]:
    """The blocks that a sweep replaces, in their order; `random` has one for each noise seed.

    A random order depends on the noise seed alone, so that sweeps of other matrices or methods
    meet the same one, and are paired with it. Digests order it, not needq.corrupt.keyed: the
    Snakefile asks for it, and Snakemake's own process may have no numpy.
    """
    if order == RANDOM:
        names = {b: canonical_json(["needq", "blocks", noise_seed, b]) for b in range(n_blocks)}
        return tuple(sorted(names, key=lambda block: sha256(names[block].encode())))
    if order in (FORWARD, REVERSED):
        return tuple(range(n_blocks)) if order == FORWARD else tuple(reversed(range(n_blocks)))
    return tuple(int(block) for block in order)


def _chosen(choice: str | Sequence[int]) -> tuple[int, ...] | None:
    return None if choice == ALL else tuple(int(index) for index in choice)


def sweeps_run(sweeps: Mapping[str, Sweep], *kinds: str, exact: bool = False) -> list[str]:
    """The sweeps whose `run` is one of `kinds`, kind by kind; `exact`: those with exact: true."""
    return [
        name
        for kind in kinds
        for name, sweep in sweeps.items()
        if sweep.run == kind and (sweep.exact or not exact)
    ]


def interventions(config: Config, names: Sequence[str]) -> list[Intervention]:
    """Every intervention of the named sweeps, sweep by sweep."""
    return [
        intervention
        for name in names
        for intervention in sweep_interventions(
            name, config.sweeps[name], config.model.n_blocks, config.noise_seeds
        )
    ]


def cut_into_chunks(interventions: Sequence[Intervention], size: int) -> Chunks:
    """Cut interventions into runs of at most `size`, each named by the digest of what it holds.

    So the name of a chunk changes if and only if its interventions do: with another size, or one
    more intervention, only chunks that did not exist before are computed.

    The steps of a sweep under one noise seed are never cut, even if there are more than `size`:
    they generate their texts together (needq.inference.stack).
    """
    parts: list[list[Intervention]] = [[]]
    for _, steps in groupby(interventions, lambda one: (one.sweep, one.noise_seed)):
        together = list(steps)
        if parts[-1] and len(parts[-1]) + len(together) > size:
            parts.append([])
        parts[-1] += together
    chunks = {}
    for chunk in filter(None, parts):
        content = canonical_json([intervention.to_dict() for intervention in chunk])
        chunks[sha256(content.encode())[:12]] = chunk
    return chunks
