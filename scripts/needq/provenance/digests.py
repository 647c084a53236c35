"""Digests of what decides the results of a run, stage by stage, and how two runs' compare.

A run's digests are `{"config": {key: digest}, "weights": {...}, "noise": {...}, "logits": {...},
"tokens": {...}}`, each stage by the names of its parts. Logits and tokens are the exact backend's,
so they have to be the same on every machine. Further exact backends of the run, for example one on
CUDA, add "logits of NAME" and "tokens of NAME", which have to be the same again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from needq.common.errors import UserError
from needq.common.files import canonical_json, file_sha256, read_made, sha256
from needq.common.keys import logits_key
from needq.common.rows import DocumentDigest, DocumentRow, InterventionKeys, Manifest, TextRow

Digests = Mapping[str, Mapping[str, str]]
STAGES = ("weights", "noise", "logits", "tokens")
COMPUTED = ("logits", "tokens")  # by each exact backend for itself
OF = " of "  # between a stage and the backend that computed it, if it is not the first


class Stages(Protocol):
    """What recomputes the digests of a stage when they are asked for."""

    def weights(self) -> Mapping[str, str]: ...
    def noise(self) -> Mapping[str, str]: ...
    def logits(self) -> Mapping[str, str]: ...
    def tokens(self) -> Mapping[str, str]: ...


def value_digest(value: object) -> str:
    """The sha256 of a value's canonical JSON."""
    return sha256(canonical_json(value).encode())


def config_digests(deciding: Mapping[str, object]) -> dict[str, str]:
    """The digest of each config key that decides the exact backend's results.

    `deciding` are the keys with their values (`needq.plan.selection`). The path of the
    evaluation text decides nothing; its content does.
    """
    values = {**deciding, "evaluation.text": file_sha256(str(deciding["evaluation.text"]))}
    return {key: value_digest(value) for key, value in values.items()}


def documents_digested(deciding: Mapping[str, object]) -> int:
    """Of how many documents, from the first one on, the logits are digested."""
    return cast("int", deciding["evaluation.documents_of_other_backends"])


def tensor_digests(tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The sha256 of each tensor's bytes, by its name."""
    return {name: sha256(np.ascontiguousarray(tensors[name]).data) for name in sorted(tensors)}


def noise_digests(noise: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, str]:
    """The sha256 of each tensor of each stored noise, by NOISE/TENSOR."""
    return {
        f"{name}/{tensor}": digest
        for name in sorted(noise)
        for tensor, digest in tensor_digests(noise[name]).items()
    }


def logits_digests(rows: Sequence[DocumentDigest | DocumentRow]) -> dict[str, str]:
    """One digest per intervention, of its logits on every document."""
    return _by_intervention((row, (row["document"], row["logits_sha256"])) for row in rows)


def token_digests(rows: Sequence[TextRow]) -> dict[str, str]:
    """One digest per intervention, of the tokens of its texts."""
    return _by_intervention(
        (row, (row["prompt"], row["sample_seed"], row["tokens"])) for row in rows
    )


def _by_intervention(
    parts: Iterable[tuple[InterventionKeys, tuple[object, ...]]],
) -> dict[str, str]:
    """The digest of what belongs to each intervention and noise seed, in order."""
    grouped: dict[str, list[Any]] = {}
    for row, part in parts:
        key = logits_key(row["intervention"], row["noise_seed"])
        grouped.setdefault(key, []).append(part)
    return {key: value_digest(sorted(grouped[key])) for key in sorted(grouped)}


def collect(
    deciding: Mapping[str, object],
    manifest: Manifest,
    noise: Mapping[str, Mapping[str, np.ndarray]],
    evaluation: Sequence[DocumentRow],
    texts: Sequence[TextRow],
    backends: Sequence[str],
) -> Digests:
    """The digests of a run: its deciding keys, its backup's manifest, its noise, and rows of its
    exact backends (schemas.EVALUATION and TEXTS), which `backends` names.

    Logits are digested of as many documents as every backend scores.
    """
    count = documents_digested(deciding)
    found = {
        "config": config_digests(deciding),
        "weights": {tensor["name"]: tensor["sha256"] for tensor in manifest["tensors"]},
        "noise": noise_digests(noise),
    }
    for name in backends:
        of_backend = "" if name == backends[0] else f"{OF}{name}"
        scored = [row for row in evaluation if row["backend"] == name and row["document"] < count]
        written = [row for row in texts if row["backend"] == name]
        found[f"logits{of_backend}"] = logits_digests(scored)
        found[f"tokens{of_backend}"] = token_digests(written)
    return found


def read_expected(path: str | Path) -> Digests:
    """The expected digests of a run; UserError if there are none."""
    if not Path(path).is_file():
        raise UserError(f"not comparable: there are no expected digests of this run ({path})")
    try:
        return read_made(path, dict[str, dict[str, str]])
    except UserError:  # no job makes this file again
        raise UserError(f"{path}: holds no digests; take it from the repository again") from None


def read_first(files: Sequence[str]) -> Digests | None:
    """The digests in the first of these files; None without one."""
    return read_made(files[0], dict[str, dict[str, str]]) if files else None


def compared(expected: Digests | None, own: Digests | None) -> str:
    """Whether a run's digests are the expected ones, in one line; either may be missing.

    It ends with whether the run's other exact backends gave the digests of the first one.
    """
    if own is None:
        return "not verifiable: no backend of this run is exact"
    return "; ".join([_compared_with_expected(expected, own), *_compared_with_others(own)])


def _compared_with_others(own: Digests) -> Iterator[str]:
    """Whether each further exact backend of a run gave the digests of the first one."""
    names = [stage.partition(OF)[2] for stage in own if stage.startswith(f"{COMPUTED[0]}{OF}")]
    for name in names:
        total = sum(len(own[stage]) for stage in COMPUTED)
        differing = [
            (stage, part)
            for stage in COMPUTED
            for part in _differing(own[stage], own[f"{stage}{OF}{name}"])
        ]
        if differing:
            stage, part = differing[0]
            yield f"{name} differs: {len(differing)} of {total} digests, {stage} of {part} first"
        else:
            yield f"{name} gave the same {total} digests of {' and '.join(COMPUTED)}"


def _compared_with_expected(expected: Digests | None, own: Digests) -> str:
    if expected is None:
        return "no expected digests for this run"
    for key in _differing(expected["config"], own["config"]):
        return f"not comparable with the expected digests: {key} is another"
    total = sum(len(expected[stage]) for stage in STAGES)
    differing = [
        (stage, name)
        for stage in sorted(STAGES)
        for name in _differing(expected[stage], own[stage])
    ]
    if differing:
        stage, name = differing[0]
        return f"differs: {len(differing)} of {total} digests, {stage} of {name} first"
    return f"reproduced: {total} of {total} digests of the exact backend"


def _differing(left: Mapping[str, str], right: Mapping[str, str]) -> list[str]:
    """The names whose digests differ, or that one side lacks, sorted."""
    names = sorted(left.keys() | right.keys())
    return [name for name in names if left.get(name) != right.get(name)]


def verify(expected: Digests, config: Mapping[str, str], recomputed: Stages) -> Iterator[str]:
    """Recompute stage by stage; each line says how many digests were reproduced.

    `config` is what `config_digests` gives. Raises UserError naming the first config key that
    differs, or the stage and the name of the first digest that does.
    """
    for key in _differing(expected["config"], config):
        raise UserError(f"not comparable: {key}")
    total = sum(len(expected[stage]) for stage in STAGES)
    reproduced = 0
    for stage in STAGES:
        digests = getattr(recomputed, stage)()
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
