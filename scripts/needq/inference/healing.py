"""Healing: a model is trained while its W_Q stays noise, and its loss is measured on the way."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from needq.common.files import canonical_json, sha256, temporary, write_bytes
from needq.common.healing import RATES, Healing
from needq.common.logs import progress
from needq.common.positions import mean
from needq.common.rows import HealingRow
from needq.common.tensors import opened_tensors, write_tensors
from needq.corrupt.patches import Patch
from needq.inference.native import NativeModel
from needq.inference.refit import Refit
from needq.inference.score import token_nlls

EVERY = 25  # steps between checkpoints
TOGETHER = 8  # documents that pass through the model at once
NLLS = "nlls"


class Checkpoint:
    """Where a training is kept while it goes on, so that a stopped job need not begin again.

    `meaning` is the digest of all that decides the result: what another training left in the file
    is not used.
    """

    def __init__(self, path: Path, meaning: str) -> None:
        self.path, self.meaning = path, meaning

    def save(self, refit: Refit, done: int, nlls: Sequence[Sequence[float]]) -> None:
        """Keep a training after `done` steps, and what was measured so far."""
        measured = torch.tensor(nlls, dtype=torch.float64)
        state = {**refit.state(), NLLS: measured}
        metadata = {"done": str(done), "meaning": self.meaning}
        with temporary(self.path) as partial:
            save_file(
                {name: tensor.contiguous() for name, tensor in state.items()}, partial, metadata
            )

    def load(self, refit: Refit) -> tuple[int, list[list[float]]]:
        """Go on where a stopped job was: the steps done, and what was measured so far."""
        if not self.path.exists():
            return 0, []
        with opened_tensors(self.path, "pt") as file:
            metadata: Mapping[str, str] = file.metadata() or {}
            if metadata.get("meaning") != self.meaning:
                return 0, []
            names = list(file.keys())
            state = {name: file.get_tensor(name) for name in names}
        refit.restore(state)
        done = int(metadata["done"])
        logging.info("goes on after %d steps, which a stopped job has done", done)
        return done, state[NLLS].tolist()

    def remove(self) -> None:
        """Remove what is not needed once the job has its result."""
        self.path.unlink(missing_ok=True)


def measured_after(steps: int) -> list[int]:
    """The numbers of steps after which the loss is measured: 0, powers of two, and all."""
    powers = [2**power for power in range(steps.bit_length())]
    return sorted({0, *powers, steps})


def heal(
    refit: Refit,
    batches: Sequence[Sequence[Sequence[int]]],
    documents: Sequence[Sequence[int]],
    checkpoint: Checkpoint,
) -> Iterator[tuple[int, list[float]]]:
    """Train on each of the batches in turn; yield after how many steps each document has which nll.

    The nll is the mean over all tokens of a document but the first, in nats.
    """
    after = measured_after(len(batches))
    done, nlls = checkpoint.load(refit)
    if not nlls:
        nlls.append(document_nlls(refit.model, documents))
    for number in progress(range(done, len(batches)), "train, step"):
        loss = refit.step(number, batches[number])
        logging.info("loss before the step: %.4f nats per token", loss)
        if number + 1 in after:
            nlls.append(document_nlls(refit.model, documents))
        if (number + 1) % EVERY == 0:
            checkpoint.save(refit, number + 1, nlls)
    yield from zip(after, nlls, strict=True)


def document_nlls(model: NativeModel, documents: Sequence[Sequence[int]]) -> list[float]:
    """The mean nll of each document, in nats per token; its first token is given."""
    order = sorted(range(len(documents)), key=lambda index: len(documents[index]))
    texts = [(documents[index][:1], documents[index][1:]) for index in order]
    found = [0.0] * len(documents)
    for index, nlls in zip(order, token_nlls(model, texts, TOGETHER), strict=True):
        found[index] = mean(nlls.tolist())
    return found


def healing_rows(
    parameters: str,
    patch: Patch,
    refit: Refit,
    batches: Sequence[Sequence[Sequence[int]]],
    documents: Sequence[Sequence[int]],
    checkpoint: Checkpoint,
) -> list[HealingRow]:
    """Heal the damage of a patch, which is applied; rows of schemas.HEALING (see `heal`)."""
    return [
        {**patch.keys(), "parameters": parameters, "step": step, "document": index, "nll": nll}
        for step, nlls in heal(refit, batches, documents, checkpoint)
        for index, nll in enumerate(nlls)
    ]


def meaning(settings: Healing, patch: Patch, weights: str, *others: object) -> str:
    """The digest of all that decides what a healed model is; see `Checkpoint`.

    `weights` is the sha256 of the pristine weights; `others` are plain values.
    """
    plain = settings.model_dump(exclude={"run", "save"})
    return sha256(canonical_json([plain, RATES, asdict(patch), weights, *others]).encode())


def save_model(model: NativeModel, weights: str | Path, target: str | Path) -> None:
    """Write a model as a folder that transformers and needq load: weights, config, tokenizer.

    `weights` is the backup's model.safetensors; the config and the tokenizer are beside it.
    """
    target, weights = Path(target), Path(weights)
    with opened_tensors(weights) as file:
        names = list(file.keys())
    parameters = dict(model.model.named_parameters())
    write_tensors(
        target / weights.name,
        {name: parameters[name].detach().numpy() for name in names},
        {"format": "pt"},
    )
    for name in ("config.json", "tokenizer.json"):
        write_bytes(target / name, weights.with_name(name).read_bytes())
