"""The stages of a run, computed again from its backup for their digests."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np

from needq.backup.architectures import find_architecture
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.common.keys import noise_parts
from needq.common.rows import Tokens
from needq.common.settings import Generation, Sweep
from needq.common.tensors import read_tensors
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import Patch, make_patches
from needq.inference.backend import Model, load, prepare, record
from needq.inference.generate import generate_all
from needq.inference.patcher import Patcher
from needq.inference.score import document_digests
from needq.plan.interventions import Intervention, sweep_interventions
from needq.provenance import digests


def deciding_interventions(deciding: Mapping[str, object]) -> list[Intervention]:
    """The interventions of the exact sweeps, by the keys that decide results (`selection`)."""
    return [
        intervention
        for key, values in deciding.items()
        if key.startswith("sweeps.")
        for intervention in sweep_interventions(
            key.removeprefix("sweeps."),
            Sweep.model_validate(values),
            cast("int", deciding["model.n_blocks"]),
            cast("list[int]", deciding["noise_seeds"]),
        )
    ]


class Recomputation:
    """A run's stages, recomputed by one exact backend when their digests are asked for."""

    def __init__(
        self,
        weights: Path,
        generation: Generation,
        interventions: Sequence[Intervention],
        backend: Backend,
        documents: int,
    ) -> None:
        """`documents` is of how many documents, from the first one on, logits are digested."""
        self.generation, self.interventions, self.backend = generation, interventions, backend
        self.documents = documents
        self.file, self.backup = weights, weights.parent
        self.architecture = find_architecture(read_made(self.backup / "config.json", dict))
        self.ids = read_made(self.backup / "tokens.json", Tokens)

    def describe_device(self) -> str:
        """Where it computes, and what was found of float64 there; UserError if it cannot."""
        prepare(self.backend)
        process = record(self.backend)
        name = process.get("gpu", process["cpu"])
        return (
            f"exact arithmetic on {self.backend.device} ({name}): integers in float64 are "
            f"{process['float64_integers']}"
        )

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        """The pristine weights."""
        return read_tensors(self.file)

    @cached_property
    def stored_noise(self) -> dict[str, dict[str, np.ndarray]]:
        """The noise that the interventions draw on, drawn again."""
        names = sorted({name for one in self.interventions for name in one.noises.values()})
        return {
            name: noise_tensors(self.tensors, self.architecture, *noise_parts(name))
            for name in names
        }

    @cached_property
    def patched(self) -> tuple[Model, Patcher, list[Patch]]:
        """The model, its patcher, and the patch of each intervention."""
        prepare(self.backend)
        model = load(self.backup, self.backend)
        patches = make_patches(
            self.interventions, self.architecture, self.tensors, self.stored_noise
        )
        return model, Patcher(model, self.file, self.stored_noise), patches

    def weights(self) -> dict[str, str]:
        """The digest of each pristine tensor."""
        return digests.tensor_digests(self.tensors)

    def noise(self) -> dict[str, str]:
        """The digest of each tensor of noise."""
        return digests.noise_digests(self.stored_noise)

    def logits(self) -> dict[str, str]:
        """The digest of the logits on the evaluation text, for each intervention."""
        model, patcher, patches = self.patched
        chosen = self.ids["documents"][: self.documents]
        of_documents = document_digests(model, patcher, patches, chosen, self.backend.batch)
        return digests.logits_digests(
            [
                {**patch.keys(), "document": index, "logits_sha256": digest}
                for patch, documents in zip(patches, of_documents, strict=True)
                for index, digest in enumerate(documents)
            ]
        )

    def tokens(self) -> dict[str, str]:
        """The digest of the generated tokens, for each intervention."""
        model, patcher, patches = self.patched
        return digests.token_digests(
            generate_all(model, patcher, patches, self.ids, self.generation, self.backend)
        )
