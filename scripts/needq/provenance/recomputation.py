"""The stages of a run computed again from its backup, for their digests alone."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from needq.backup.architectures import adapter
from needq.common.files import read_json
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import patches
from needq.inference.backend import load, prepare
from needq.inference.generate import generate_all
from needq.inference.patcher import Patcher
from needq.inference.score import document_digests
from needq.plan.interventions import Intervention, noise_parts
from needq.provenance import digests


class Recomputation:
    """A run's stages, recomputed by one exact backend when their digests are asked for."""

    def __init__(
        self,
        backup: Path,
        config: Mapping[str, Any],
        members: Sequence[Intervention],
        backend: Mapping[str, Any],
    ) -> None:
        self.config, self.members, self.backend = config, members, backend
        self.backup, self.file = backup, backup / "model.safetensors"
        self.adapter = adapter(read_json(backup / "config.json"))
        self.ids = read_json(backup / "tokens.json")

    @cached_property
    def tensors(self):
        """The pristine weights."""
        return load_file(self.file)

    @cached_property
    def stored_noise(self):
        """The noise that the interventions draw on, drawn again."""
        names = sorted({member.noise for member in self.members if member.noise})
        return {
            name: noise_tensors(self.tensors, self.adapter, *noise_parts(name)) for name in names
        }

    @cached_property
    def patched(self):
        """The model, its patcher, and each intervention with its recipe."""
        prepare(self.backend)
        model = load(self.backup, self.backend)
        recipes = patches(self.members, self.adapter, self.tensors, self.stored_noise)
        work = list(zip(self.members, recipes, strict=True))
        return model, Patcher(model, self.file, self.stored_noise), work

    def weights(self) -> dict[str, str]:
        return digests.of_tensors(self.tensors)

    def noise(self) -> dict[str, str]:
        return digests.of_noise(self.stored_noise)

    def logits(self) -> dict[str, str]:
        model, patcher, work = self.patched
        parts = document_digests(
            model,
            patcher,
            [recipe for _, recipe in work],
            self.ids["documents"],
            self.backend["batch"],
        )
        return digests.of_logits(
            [
                member.keys() | {"document": index, "logits_sha256": digest}
                for (member, _), documents in zip(work, parts, strict=True)
                for index, digest in enumerate(documents)
            ]
        )

    def tokens(self) -> dict[str, str]:
        model, patcher, work = self.patched
        settings = self.config["generation"]
        return digests.of_tokens(
            generate_all(model, patcher, work, self.ids, settings, self.backend)
        )
