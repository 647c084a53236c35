"""The rows of the training text that heal a model, step by step: drawn by keyed numbers."""

import logging
from pathlib import Path

import numpy

from needq.backup.documents import read_documents, read_ngram_documents
from needq.backup.encoder import Encoder
from needq.common.errors import UserError
from needq.common.files import canonical_json
from needq.common.healing import Healing
from needq.common.rows import Manifest
from needq.common.settings import Evaluation
from needq.corrupt.keyed import key, uniform

Batches = list[list[list[int]]]  # of each step, rows of token ids


def training_batches(
    tokenizer_file: str | Path,
    manifest: Manifest,
    evaluation: Evaluation,
    healing: Healing,
    end: int | None,
) -> Batches:
    """The rows of each step: documents of the training text, each once until all were drawn.

    A row is the begin token of the evaluation text, the document, and the token `end` that ends a
    text (the begin token if there is none), up to `healing.tokens` tokens and the model's context.
    Documents of the evaluation text are left out. UserError if nothing is left.
    """
    name = "healing.text" if healing.text else "evaluation.ngram_text"
    path = healing.text or evaluation.ngram_text or ""
    held_out = set(read_documents(evaluation.text))
    documents = [text for text in read_ngram_documents(path, name) if text not in held_out]
    if not documents:
        raise UserError(
            f"config: {name}: {path}: every document of it is in the evaluation text; give another "
            "text to train on (healing.text)"
        )
    encoder = Encoder(tokenizer_file, manifest["vocabulary"])
    begin = encoder.token(evaluation.begin, "evaluation.begin")
    most = min(healing.tokens, manifest["context"])
    rows = []
    for index in drawn(healing.steps * healing.batch, len(documents)):
        ids = encoder.ids(documents[index], f"config: {name}: document {index + 1} of {path}")
        rows.append([begin, *ids, begin if end is None else end][:most])
    logging.info("%d rows of %d tokens", len(rows), sum(map(len, rows)))
    return [rows[first : first + healing.batch] for first in range(0, len(rows), healing.batch)]


def batches_text(batches: Batches) -> str:
    """Batches as JSON: a line per step."""
    return "[\n" + ",\n".join(map(canonical_json, batches)) + "\n]\n"


def drawn(count: int, documents: int) -> list[int]:
    """`count` numbers of documents, in a keyed random order that begins anew after all of them."""
    order: list[int] = []
    while len(order) < count:
        numbers = uniform(key("healing", len(order) // documents), documents)
        order += numpy.argsort(numbers, kind="stable").tolist()
    return order[:count]
