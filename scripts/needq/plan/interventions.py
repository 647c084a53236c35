"""Interventions, the sweeps that name them, and the chunks in which jobs serve them.

Grammar of an intervention's id: MATRIX/SWEEP/STEP. In a sweep of cumulative steps, STEP is a count:
`q/cumulative/05` is W_Q, the sweep `cumulative`, the first five blocks of that sweep replaced, and
`q/cumulative/00` the pristine model. In a sweep of single steps, STEP is the block that is
replaced: `k/single/03` is W_K of block 3 alone, and `k/single/none` the pristine model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from needq.common.files import canonical_json, sha256

ALL, REVERSED, RANDOM = ORDERS = ("all", "reversed", "random")
CUMULATIVE, SINGLE = "cumulative", "single"
WITHOUT_NOISE = ("zero", "identity")  # methods that leave nothing to chance


@dataclass(frozen=True)
class Intervention:
    """What is replaced, by what, and how much of it.

    `heads` and `dimensions` are None for all. `dose` in (0, 1] is the share of the variance that
    is noise. `noise_seed` is None where nothing is left to chance: for the pristine model, and for
    methods without noise, unless the seed has drawn the order of blocks.
    """

    sweep: str
    matrix: str
    blocks: tuple[int, ...]
    heads: tuple[int, ...] | None
    dimensions: tuple[int, ...] | None
    method: str
    dose: float
    bias: str
    noise_seed: int | None
    steps: str = CUMULATIVE

    @property
    def id(self) -> str:
        """The intervention's id, which names no noise seed."""
        if self.steps == SINGLE:
            step = f"{self.blocks[0]:02d}" if self.blocks else "none"
        else:
            step = f"{len(self.blocks):02d}"
        return f"{self.matrix}/{self.sweep}/{step}"

    @property
    def noise(self) -> str | None:
        """The name of the stored noise that this intervention draws on."""
        if not self.blocks:
            return None
        return noise_name(self.matrix, self.method, self.noise_seed)

    def keys(self) -> dict[str, Any]:
        """The columns by which every table knows this intervention."""
        return {
            "sweep": self.sweep,
            "intervention": self.id,
            "block": self.blocks[0] if self.steps == SINGLE and self.blocks else None,
            "blocks_replaced": len(self.blocks),
            "noise_seed": self.noise_seed,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for Snakemake's params.

        `steps` is there only if it is not cumulative: chunks are named by these values, and those
        of runs that knew no other steps keep their names.
        """
        values = asdict(self)
        if self.steps == CUMULATIVE:
            del values["steps"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Intervention":
        """The inverse of `to_dict`, from plain values (lists serve for tuples)."""
        values = dict(values)
        for name in ("blocks", "heads", "dimensions"):
            values[name] = None if values[name] is None else tuple(values[name])
        return cls(**values)


def noise_parts(name: str) -> tuple[str, str, int]:
    """The matrix, method and noise seed of a stored noise: the inverse of `noise_name`."""
    matrix, method, seed = name.split("-")
    return matrix, method, int(seed)


def noise_name(matrix: str, method: str, noise_seed: int | None) -> str:
    """The file name, without its ending, of one stored noise.

    A method that leaves nothing to chance has one for all seeds, under seed 0.
    """
    return f"{matrix}-{method}-{0 if method in WITHOUT_NOISE else noise_seed}"


def sweep_interventions(
    name: str, sweep: Mapping[str, Any], blocks: int, noise_seeds: Sequence[int]
) -> list[Intervention]:
    """The pristine model, then the steps of the sweep for each noise seed.

    Cumulative steps replace the first 1, 2, ... blocks of the sweep, or as many as its `counts`
    say; single steps each block by itself. `sweep` is an entry of the config's `sweeps`; `blocks`
    is how many the model has.
    """
    pristine = Intervention(
        sweep=name,
        matrix=sweep["matrix"],
        blocks=(),
        heads=_chosen(sweep["heads"]),
        dimensions=_chosen(sweep["dimensions"]),
        method=sweep["method"],
        dose=float(sweep["dose"]),
        bias=sweep["bias"],
        noise_seed=None,
        steps=sweep["steps"],
    )
    fixed = sweep["method"] in WITHOUT_NOISE and sweep["blocks"] != RANDOM
    found = [pristine]
    for seed in [None] if fixed else noise_seeds:
        order = block_order(sweep["blocks"], blocks, seed)
        for count in counts(sweep, len(order)):
            first = count - 1 if sweep["steps"] == SINGLE else 0
            found.append(replace(pristine, blocks=order[first:count], noise_seed=seed))
    return found


def counts(sweep: Mapping[str, Any], most: int) -> Sequence[int]:
    """The steps of a sweep over `most` blocks, as numbers of blocks; each block if single."""
    return range(1, most + 1) if sweep["counts"] == ALL else sorted(sweep["counts"])


def most_blocks(sweep: Mapping[str, Any], blocks: int) -> int:
    """How many blocks a sweep replaces at most, of so many that the model has."""
    return blocks if sweep["blocks"] in ORDERS else len(sweep["blocks"])


def block_order(
    choice: str | Sequence[int], blocks: int, noise_seed: int | None
) -> tuple[int, ...]:
    """The blocks that a sweep replaces, in their order; `random` has one for each noise seed.

    A random order depends on the noise seed alone, so that sweeps of other matrices or methods
    meet the same one, and are paired with it. Digests order it, not needq.corrupt.keyed: the
    Snakefile asks for it, and Snakemake's own process may have no numpy.
    """
    if choice == RANDOM:
        names = {b: canonical_json(["needq", "blocks", noise_seed, b]) for b in range(blocks)}
        return tuple(sorted(names, key=lambda block: sha256(names[block].encode())))
    if choice in (ALL, REVERSED):
        return tuple(range(blocks)) if choice == ALL else tuple(reversed(range(blocks)))
    return tuple(choice)


def _chosen(choice: str | Sequence[int]) -> tuple[int, ...] | None:
    return None if choice == ALL else tuple(choice)


def run_sweeps(config: Mapping[str, Any]) -> list[str]:
    """The sweeps that are run: in full first, then those that are scored alone."""
    return [*config["full_sweeps"], *config["scored_sweeps"]]


def interventions(config: Mapping[str, Any]) -> list[Intervention]:
    """Every intervention that a config asks for, sweep by sweep."""
    found: list[Intervention] = []
    for name in run_sweeps(config):
        sweep = config["sweeps"][name]
        found += sweep_interventions(name, sweep, config["model"]["blocks"], config["noise_seeds"])
    return found


def chunks(members: Sequence[Intervention], size: int) -> dict[str, list[Intervention]]:
    """Cut `members` into runs of at most `size`, each named by the digest of what it holds.

    So the name of a chunk changes if and only if its members do: with another size, or one more
    intervention, only chunks that did not exist before are computed.
    """
    found = {}
    for start in range(0, len(members), size):
        part = list(members[start : start + size])
        content = canonical_json([member.to_dict() for member in part])
        found[sha256(content.encode())[:12]] = part
    return found


def chosen(
    config: Mapping[str, Any], sweep: str, counts: Sequence[int], noise_seeds: Sequence[int]
) -> list[Intervention]:
    """A sweep's interventions that replace so many blocks, under these noise seeds."""
    return [
        member
        for member in interventions(config)
        if member.sweep == sweep
        and len(member.blocks) in counts
        and member.noise_seed in noise_seeds
    ]


def controlled(members: Sequence[Intervention], noise_seeds: Sequence[int]) -> list[Intervention]:
    """Those that the null control makes again: the first noise seed's, and the pristine model's."""
    return [member for member in members if member.noise_seed in (None, noise_seeds[0])]


Chunks = dict[str, list[Intervention]]


def chunked(config: Mapping[str, Any]) -> tuple[Chunks, Chunks, Chunks]:
    """The chunks of the sweeps that exact arithmetic runs, of the full sweeps, and of all sweeps.

    No chunk mixes the three kinds of sweep.
    """
    members, size = interventions(config), config["jobs"]["interventions_per_job"]

    def of(kind: str, besides: str | None = None) -> Chunks:
        others = config[besides] if besides else []
        names = [name for name in config[kind] if name not in others]
        return chunks([member for member in members if member.sweep in names], size)

    exact = of("exact_sweeps")
    full = exact | of("full_sweeps", besides="exact_sweeps")
    return exact, full, full | of("scored_sweeps")
