"""Interventions, the sweeps that name them, and the chunks in which jobs serve them.

Grammar of an intervention's id: MATRIX/SWEEP/COUNT, as in `q/cumulative/05`: W_Q, the sweep
`cumulative`, the first five blocks of that sweep replaced. COUNT 00 is the pristine model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from needq.files import canonical_json, sha256

ALL = "all"


@dataclass(frozen=True)
class Intervention:
    """What is replaced, by what, and how much of it.

    `heads` and `dimensions` are None for all. `dose` in (0, 1] is the share of the variance that
    is noise. `noise_seed` is None for the pristine model, which has no noise.
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

    @property
    def id(self) -> str:
        """The intervention's id, which names no noise seed."""
        return f"{self.matrix}/{self.sweep}/{len(self.blocks):02d}"

    @property
    def noise(self) -> str | None:
        """The name of the stored noise that this intervention draws on."""
        if self.noise_seed is None:
            return None
        return noise_name(self.matrix, self.method, self.noise_seed)

    def keys(self) -> dict[str, Any]:
        """The columns by which every table knows this intervention."""
        return {
            "sweep": self.sweep,
            "intervention": self.id,
            "blocks_replaced": len(self.blocks),
            "noise_seed": self.noise_seed,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for Snakemake's params."""
        return asdict(self)

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


def noise_name(matrix: str, method: str, noise_seed: int) -> str:
    """The file name, without its ending, of one stored noise."""
    return f"{matrix}-{method}-{noise_seed}"


def sweep_interventions(
    name: str, sweep: Mapping[str, Any], blocks: int, noise_seeds: Sequence[int]
) -> list[Intervention]:
    """The pristine model, then for each noise seed the first 1, 2, ... blocks of the sweep.

    `sweep` is an entry of the config's `sweeps`; `blocks` is how many the model has.
    """
    order = range(blocks) if sweep["blocks"] == ALL else sweep["blocks"]
    full = Intervention(
        sweep=name,
        matrix=sweep["matrix"],
        blocks=tuple(order),
        heads=_chosen(sweep["heads"]),
        dimensions=_chosen(sweep["dimensions"]),
        method=sweep["method"],
        dose=float(sweep["dose"]),
        bias=sweep["bias"],
        noise_seed=None,
    )
    found = [replace(full, blocks=())]
    for seed in noise_seeds:
        for count in range(1, len(full.blocks) + 1):
            found.append(replace(full, blocks=full.blocks[:count], noise_seed=seed))
    return found


def _chosen(choice: str | Sequence[int]) -> tuple[int, ...] | None:
    return None if choice == ALL else tuple(choice)


def interventions(config: Mapping[str, Any]) -> list[Intervention]:
    """Every intervention that a config asks for, in order."""
    found: list[Intervention] = []
    for name, sweep in config["sweeps"].items():
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
    config: Mapping[str, Any], sweep: str, counts: Sequence[int], noise_seeds: int
) -> list[Intervention]:
    """A sweep's interventions that replace so many blocks, under the first noise seeds."""
    seeds = config["noise_seeds"][:noise_seeds]
    return [
        member
        for member in interventions(config)
        if member.sweep == sweep and len(member.blocks) in counts and member.noise_seed in seeds
    ]


def controlled(members: Sequence[Intervention], noise_seeds: Sequence[int]) -> list[Intervention]:
    """Those that the null control makes again: the first noise seed's, and the pristine model's."""
    return [member for member in members if member.noise_seed in (None, noise_seeds[0])]


Chunks = dict[str, list[Intervention]]


def chunked(config: Mapping[str, Any]) -> tuple[Chunks, Chunks]:
    """The chunks of the sweeps that exact arithmetic runs, and those of all sweeps.

    No chunk mixes the two kinds of sweep.
    """
    members, size = interventions(config), config["jobs"]["interventions_per_job"]
    exact = chunks([m for m in members if m.sweep in config["exact_sweeps"]], size)
    others = chunks([m for m in members if m.sweep not in config["exact_sweeps"]], size)
    return exact, exact | others
