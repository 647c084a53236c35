"""N-gram models of a text, and what the evaluation text costs them. `baselines` has their table."""

import logging
from pathlib import Path
from typing import cast

import numpy as np

from needq.backup.documents import read_documents, read_ngram_documents
from needq.backup.encoder import Encoder
from needq.common.errors import UserError
from needq.common.logs import progress
from needq.common.positions import by_band, mean
from needq.common.rows import NgramRow, Tokens
from needq.common.settings import Evaluation
from needq.metrics.kneser_ney import KneserNey

ORDER = 5  # the longest n-grams


def train(
    tokenizer_file: str | Path, vocabulary: int, evaluation: Evaluation, end: int | None
) -> KneserNey:
    """The n-gram models of `evaluation.ngram_text`, over the tokens of a model.

    Each document is put between the begin token of the evaluation text and the token `end` that
    ends a text (the begin token again, if there is none). Documents that are in the evaluation text
    are left out.
    """
    encoder = Encoder(tokenizer_file, vocabulary)
    begin = encoder.token(evaluation.begin, "evaluation.begin")
    path = evaluation.ngram_text or ""
    held_out = set(read_documents(evaluation.text))
    documents = read_ngram_documents(path)
    used = [document for document in documents if document not in held_out]
    if not used:
        raise UserError(
            f"config: evaluation.ngram_text: {path}: every document of it is in the evaluation "
            "text, so n-grams can learn from none; give another text, or null"
        )
    where = f"config: evaluation.ngram_text: document {{}} of {path}"
    marked = [
        np.array(
            [begin, *encoder.ids(document, where.format(number)), begin if end is None else end]
        )
        for number, document in enumerate(used, 1)
    ]
    logging.info(
        "evaluation.ngram_text: %d documents of %d tokens; %d more are left out, since they are in "
        "the evaluation text",
        len(used),
        sum(map(len, marked)),
        len(documents) - len(used),
    )
    return KneserNey(marked, ORDER, vocabulary)


def ngram_rows(model: KneserNey, tokens: Tokens) -> list[NgramRow]:
    """How the model of each order predicts each document, as rows of schemas.NGRAMS."""
    rows: list[NgramRow] = []
    numbered = list(enumerate(zip(tokens["documents"], tokens["bytes"], strict=True)))
    for index, (ids, size) in progress(numbered, "score documents by n-grams, document"):
        for order, nlls in enumerate(model.nats(np.array(ids)).tolist(), 1):
            row = {"order": order, "document": index, "tokens": len(nlls), "bytes": size}
            rows.append(cast("NgramRow", row | {"nll": mean(nlls)} | by_band(nlls)))
    return rows
