"""Digests of what decides a run's results, stage by stage, and their comparison with others'.

A run's digests are `{"config": {key: digest}, "weights": {...}, "noise": {...}, "logits": {...},
"tokens": {...}}`, each stage by the names of its parts. Logits and tokens are the exact backend's,
so another machine has to find the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from needq.common.errors import UserError
from needq.common.files import canonical_json, file_sha256, read_json, sha256
from needq.common.keys import logits_key

Digests = Mapping[str, Mapping[str, str]]
STAGES = ("weights", "noise", "logits", "tokens")


class Stages(Protocol):
    """What recomputes each stage's digests, when asked for it."""

    def weights(self) -> Mapping[str, str]: ...
    def noise(self) -> Mapping[str, str]: ...
    def logits(self) -> Mapping[str, str]: ...
    def tokens(self) -> Mapping[str, str]: ...


def of_value(value: Any) -> str:
    """The sha256 of a value's canonical JSON."""
    return sha256(canonical_json(value).encode())


def of_config(config: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each config key that decides the exact backend's results.

    Where the model and the evaluation text lie decides nothing; what they hold does.
    """
    values: dict[str, Any] = {f"model.{key}": config["model"][key] for key in ("digests", "blocks")}
    values |= {f"sweeps.{name}": config["sweeps"][name] for name in config["exact_sweeps"]}
    values["noise_seeds"] = config["noise_seeds"]
    values |= {f"generation.{key}": value for key, value in config["generation"].items()}
    values |= {f"evaluation.{key}": value for key, value in config["evaluation"].items()}
    values["evaluation.text"] = file_sha256(config["evaluation"]["text"])
    return {key: of_value(value) for key, value in values.items()}


def of_tensors(tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The sha256 of each tensor's bytes, by its name."""
    return {name: sha256(np.ascontiguousarray(tensors[name]).data) for name in sorted(tensors)}


def of_noise(noise: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, str]:
    """The sha256 of each tensor of each stored noise, by NOISE/TENSOR."""
    return {
        f"{name}/{tensor}": digest
        for name in sorted(noise)
        for tensor, digest in of_tensors(noise[name]).items()
    }


def of_logits(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """One digest an intervention, of its logits on every document (schemas.EVALUATION)."""
    return _by_intervention(rows, lambda row: (row["document"], row["logits_sha256"]))


def of_tokens(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """One digest an intervention, of the tokens of its texts (schemas.TEXTS)."""
    return _by_intervention(rows, lambda row: (row["prompt"], row["sample_seed"], row["tokens"]))


def _by_intervention(rows, part) -> dict[str, str]:
    parts: dict[str, list[Any]] = {}
    for row in rows:
        key = logits_key(row["intervention"], row["noise_seed"])
        parts.setdefault(key, []).append(part(row))
    return {key: of_value(sorted(parts[key])) for key in sorted(parts)}


def read(path: str | Path) -> Digests:
    """The expected digests of a run; UserError if there are none."""
    if not Path(path).is_file():
        raise UserError(f"not comparable: there are no expected digests of this run ({path})")
    return read_json(path)


def of_run(files: Sequence[str]) -> Digests | None:
    """The digests in the first of these files; None without one."""
    return read_json(files[0]) if files else None


def compared(expected: Digests | None, found: Digests | None) -> str:
    """Whether a run's digests are the expected ones, in one line; either may be missing."""
    if found is None:
        return "not verifiable: no backend of this run is exact"
    if expected is None:
        return "no expected digests for this run"
    for key in _differing(expected["config"], found["config"]):
        return f"not comparable with the expected digests: {key} is another"
    total = sum(len(expected[stage]) for stage in STAGES)
    differing = [
        (stage, name)
        for stage in sorted(STAGES)
        for name in _differing(expected[stage], found[stage])
    ]
    if differing:
        stage, name = differing[0]
        return f"differs: {len(differing)} of {total} digests, {stage} of {name} first"
    return f"reproduced: {total} of {total} digests of the exact backend"


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names whose digests differ, or that one side lacks, sorted."""
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]


def verify(expected: Digests, config: Mapping[str, str], found: Stages) -> Iterator[str]:
    """Recompute stage by stage, and say how far it went.

    `config` is what `of_config` gives. Raises UserError naming the first config key that differs,
    or the stage and the name of the first digest that does.
    """
    for key in _differing(expected["config"], config):
        raise UserError(f"not comparable: {key}")
    total = sum(len(expected[stage]) for stage in STAGES)
    reproduced = 0
    for stage in STAGES:
        digests = getattr(found, stage)()
        for name in sorted(expected[stage].keys() | digests.keys()):
            if expected[stage].get(name) != digests.get(name):
                raise UserError(
                    f"verify: {stage} of {name} differ: {_short(digests.get(name))} here, "
                    f"{_short(expected[stage].get(name))} expected; "
                    f"{reproduced} of {total} digests were reproduced before it"
                )
            reproduced += 1
        yield f"{stage}: {len(digests)} of {len(expected[stage])} reproduced"
    yield f"{reproduced} of {total} digests reproduced"


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:16]
