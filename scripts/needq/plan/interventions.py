"""Interventions, the sweeps that name them, and the chunks in which jobs serve them.

Grammar of an intervention's id: MATRIX/SWEEP/STEP. MATRIX is what is replaced: `q` is W_Q, `qk`
W_Q and W_K together; `mlp_in` are the weights of the MLP that read the residual stream, `mlp_out`
those that write it, and `mlp` both. STEP depends on the steps of the sweep:

    cumulative   COUNT       q/cumulative/05    the first five blocks of the sweep
    single       BLOCK       k/single/03        block 3 alone
    heads        BLOCKhHEAD  q/heads/03h02      head 2 of block 3 alone
    dimensions   BLOCKdGROUP q/dimensions/03d05 group 5 of the residual dimensions, in block 3 alone
    doses        PERCENT     q/doses/025        a dose of 0.25, in all blocks of the sweep

The pristine model is `00` in a sweep of cumulative steps, and `none` in the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from needq.common.files import canonical_json, sha256
from needq.common.keys import SCALED, WITHOUT_NOISE, matrices, noise_name
from needq.common.rows import InterventionKeys

if TYPE_CHECKING:
    from needq.common.settings import Config, Sweep

# the words of a sweep's settings (needq.common.settings)
FORWARD, REVERSED, RANDOM = ORDERS = ("forward", "reversed", "random")
ALL, HALVES, QUARTERS = ("all", "halves", "quarters")
CUMULATIVE, SINGLE, HEADS, DIMENSIONS, DOSES = (
    "cumulative",
    "single",
    "heads",
    "dimensions",
    "doses",
)
IN_ONE_BLOCK = (SINGLE, HEADS, DIMENSIONS)  # steps that replace something in one block alone
TEXTS, TEXTS_OF_REFERENCE, TASKS, SCORES = RUN = ("texts", "texts_of_reference", "tasks", "scores")


@dataclass(frozen=True)
class Intervention:
    """What is replaced, by what, and how much of it.

    `heads` and `dimensions` are None for all. `group` (number, of how many) is one of so many equal
    groups of the residual dimensions, and None for all. `noise_fraction` in (0, 1] is the share of
    the variance that is noise. `dose` is in percent, and None unless the steps are doses.
    `noise_seed` is None where nothing is left to chance: for the pristine model, and for methods
    without noise, unless the seed has drawn the order of blocks.
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
    group: tuple[int, int] | None = None
    dose: int | None = None

    @property
    def id(self) -> str:
        """The intervention's id, which names no noise seed."""
        return f"{self.matrix}/{self.sweep}/{self._step}"

    @property
    def _step(self) -> str:
        if self.steps == CUMULATIVE:
            return f"{len(self.block_indices):02d}"
        if not self.block_indices:
            return "none"
        if self.dose is not None:
            return f"{self.dose:03d}"
        step = f"{self.block_indices[0]:02d}"
        if self.steps == HEADS and self.heads:
            return f"{step}h{self.heads[0]:02d}"
        return f"{step}d{self.group[0]:02d}" if self.group else step

    @property
    def noises(self) -> dict[str, str]:
        """The names of the stored noise that this intervention draws on, by `keys.matrices`."""
        if not self.block_indices:
            return {}
        method = self.method if self.method != SCALED else f"{SCALED}_{self.dose}"
        return {one: noise_name(one, method, self.noise_seed) for one in matrices(self.matrix)}

    def keys(self) -> InterventionKeys:
        """The columns by which every table knows this intervention."""
        single = self.steps in IN_ONE_BLOCK and self.block_indices
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
        for name in ("block_indices", "heads", "dimensions", "group"):
            if fields.get(name) is not None:
                fields[name] = tuple(fields[name])
        return cls(**fields)


Chunks = dict[str, list[Intervention]]


def sweep_interventions(
    name: str, sweep: Sweep, n_blocks: int, noise_seeds: Sequence[int]
) -> list[Intervention]:
    """The pristine model, then the steps of the sweep for each noise seed.

    `n_blocks` is how many blocks the model has.
    """
    pristine = Intervention(
        sweep=name,
        matrix=sweep.matrix,
        block_indices=(),
        heads=_chosen(sweep.heads) if sweep.steps != HEADS else None,
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
        steps += [replace(pristine, noise_seed=seed, **step) for step in _steps(sweep, order)]
    return steps


def _steps(sweep: Sweep, order: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """What each step of a sweep replaces, as fields of `Intervention`."""
    if sweep.steps == CUMULATIVE:
        for count in step_counts(sweep, len(order)):
            yield {"block_indices": order[:count]}
    elif sweep.steps == DOSES:
        for dose in sweep.doses:
            noise_fraction = 1.0 if sweep.method == SCALED else dose
            percent = round(100 * dose)
            yield {"block_indices": order, "noise_fraction": noise_fraction, "dose": percent}
    for block in order if sweep.steps in IN_ONE_BLOCK else ():
        if sweep.steps == HEADS:
            for head in _chosen(sweep.heads) or ():
                yield {"block_indices": (block,), "heads": (head,)}
        elif sweep.steps == DIMENSIONS:
            for group in range(sweep.groups):
                yield {"block_indices": (block,), "group": (group, sweep.groups)}
        else:
            yield {"block_indices": (block,)}


def steps_per_seed(sweep: Sweep, n_blocks: int) -> int:
    """How many interventions a sweep has per noise seed, without the pristine model."""
    return sum(1 for _ in _steps(sweep, tuple(range(most_blocks(sweep, n_blocks)))))


def step_counts(sweep: Sweep, most: int) -> Sequence[int]:
    """The cumulative steps of a sweep over `most` blocks, as numbers of blocks.

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
    if sweep.steps in IN_ONE_BLOCK:
        return [1]
    most = most_blocks(sweep, n_blocks)
    return [most] if sweep.steps == DOSES else step_counts(sweep, most)


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
