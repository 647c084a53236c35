"""Prompts and evaluation text as token ids, made once and read by every backend."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from needq.backup.documents import read_documents
from needq.backup.encoder import Encoder
from needq.backup.tokenizer import load_copy
from needq.common.errors import UserError
from needq.common.rows import TextRow, Tokens
from needq.common.settings import Evaluation, Generation


def encode_texts(
    tokenizer_file: str | Path,
    context: int,
    vocabulary: int,
    generation: Generation,
    evaluation: Evaluation,
) -> Tokens:
    """Token ids of the config's prompts and documents, for a model of this context and vocabulary.

    Raises UserError for a token the model lacks, a text beyond its context, or a text of which the
    tokenizer would lose something.
    """
    encoder = Encoder(tokenizer_file, vocabulary)
    begin, end = (
        None if token is None else encoder.token(token, f"generation.{key}")
        for key, token in (("begin", generation.begin), ("end", generation.end))
    )
    prompts = []
    for index, prompt in enumerate(generation.prompts):
        where = f"config: generation.prompts.{index}"
        ids = ([] if begin is None else [begin]) + encoder.ids(prompt, where)
        needed = len(ids) + generation.max_new_tokens
        if needed > context:
            raise UserError(
                f"{where}: {len(ids)} tokens and {generation.max_new_tokens} new ones exceed the "
                f"model's context of {context}"
            )
        prompts.append(ids)
    documents, sizes = _encode_documents(encoder, context, evaluation)
    return {"prompts": prompts, "end": end, "documents": documents, "bytes": sizes}


def decoder(tokenizer_file: str | Path) -> Callable[[Sequence[int]], str]:
    """A function that turns token ids into text, special tokens included."""
    tokenizer = load_copy(tokenizer_file)
    return lambda tokens: tokenizer.decode(tokens, skip_special_tokens=False)


def decode_texts(texts: Iterable[TextRow], tokenizer_file: str | Path) -> None:
    """Set the `text` of each row of schemas.TEXTS: its tokens, without the one that ended it."""
    tokenizer = load_copy(tokenizer_file)
    for text in texts:
        shown = text["tokens"][:-1] if text["ended"] else text["tokens"]
        text["text"] = tokenizer.decode(shown)


def _encode_documents(
    encoder: Encoder, context: int, evaluation: Evaluation
) -> tuple[list[list[int]], list[int]]:
    """The ids and the scored bytes of each document of the evaluation text."""
    begin = encoder.token(evaluation.begin, "evaluation.begin")
    limit = evaluation.tokens_per_document or context - 1
    if limit + 1 > context:
        raise UserError(
            f"config: evaluation.tokens_per_document: {limit} and the begin token exceed the "
            f"model's context of {context}"
        )
    documents, sizes, left_out = [], [], 0
    for number, document in enumerate(read_documents(evaluation.text), 1):
        where = f"config: evaluation.text: document {number} of {evaluation.text}"
        encoding = encoder.encode(document, where)
        kept = _whole_characters(encoding.offsets, limit)
        if kept == 0:
            raise UserError(
                f"{where}: its first character has more tokens than the {limit} of "
                "evaluation.tokens_per_document"
            )
        ids, left_out = encoding.ids[:kept], left_out + len(encoding.ids) - kept
        encoder.check_known(ids, where)
        documents.append([begin, *ids])
        sizes.append(len(document[: encoding.offsets[kept - 1][1]].encode("utf-8")))
    logging.info(
        "evaluation.text: %d documents of %d tokens; %d more tokens are not scored, as they are "
        "beyond the first %d of their document",
        len(documents),
        sum(len(ids) - 1 for ids in documents),
        left_out,
        limit,
    )
    return documents, sizes


def _whole_characters(offsets: Sequence[tuple[int, int]], limit: int) -> int:
    """How many tokens to keep, at most `limit`, so that no character is cut.

    Each token has the offsets of its characters; those of one character have the same.
    """
    kept = min(limit, len(offsets))
    while 0 < kept < len(offsets) and offsets[kept][0] < offsets[kept - 1][1]:
        kept -= 1
    return kept
