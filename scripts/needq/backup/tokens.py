"""Prompts and evaluation text as token ids, made once and read by every backend."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from tokenizers import Tokenizer

from needq.backup.tokenizer import load_tokenizer
from needq.common.errors import UserError
from needq.common.rows import TextRow
from needq.common.settings import Evaluation, Generation


class Tokens(TypedDict):
    """tokens.json: what every backend reads, as token ids."""

    prompts: list[list[int]]  # the begin token included
    end: int | None
    documents: list[list[int]]  # the begin token first
    bytes: list[int]  # how many UTF-8 bytes the scored ids of each document encode


def encode_texts(
    tokenizer_file: str | Path, context: int, generation: Generation, evaluation: Evaluation
) -> Tokens:
    """Token ids of the config's prompts and documents.

    Raises UserError for a token the model lacks, or a text beyond its context.
    """
    tokenizer = load_tokenizer(tokenizer_file)
    begin = _token(tokenizer, generation.begin, "generation.begin")
    end = _token(tokenizer, generation.end, "generation.end")
    prompts = []
    for index, prompt in enumerate(generation.prompts):
        ids = begin + tokenizer.encode(prompt, add_special_tokens=False).ids
        needed = len(ids) + generation.max_new_tokens
        if needed > context:
            raise UserError(
                f"config: generation.prompts.{index}: {len(ids)} tokens and "
                f"{generation.max_new_tokens} new ones exceed the model's context of {context}"
            )
        prompts.append(ids)
    documents, sizes = _documents(tokenizer, context, evaluation)
    return {
        "prompts": prompts,
        "end": end[0] if end else None,
        "documents": documents,
        "bytes": sizes,
    }


def decoder(tokenizer_file: str | Path) -> Callable[[Sequence[int]], str]:
    """A function that turns token ids into text, special tokens included."""
    tokenizer = load_tokenizer(tokenizer_file)
    return lambda tokens: tokenizer.decode(tokens, skip_special_tokens=False)


def decode_texts(texts: Iterable[TextRow], tokenizer_file: str | Path) -> None:
    """Set the `text` of each row of schemas.TEXTS: its tokens, without the one that ended it."""
    tokenizer = load_tokenizer(tokenizer_file)
    for text in texts:
        shown = text["tokens"][:-1] if text["ended"] else text["tokens"]
        text["text"] = tokenizer.decode(shown)


def _documents(
    tokenizer: Tokenizer, context: int, evaluation: Evaluation
) -> tuple[list[list[int]], list[int]]:
    """The ids and the scored bytes of each document of the evaluation text."""
    begin = _token(tokenizer, evaluation.begin, "evaluation.begin")
    limit = evaluation.tokens_per_document
    if limit + len(begin) > context:
        raise UserError(
            f"config: evaluation.tokens_per_document: {limit} and the begin token exceed the "
            f"model's context of {context}"
        )
    try:
        text = Path(evaluation.text).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"config: evaluation.text: {evaluation.text} is not UTF-8") from None
    documents, sizes = [], []
    for document in text.split("\n\n"):
        document = document.strip("\n")
        if not document:
            continue
        encoding = tokenizer.encode(document, add_special_tokens=False)
        kept = min(limit, len(encoding.ids))
        documents.append(begin + encoding.ids[:kept])
        # a cut may fall inside a character of several tokens: count up to the last whole one
        scored = document[: encoding.offsets[kept - 1][1]]
        sizes.append(len(scored.encode("utf-8")))
    if not documents:
        raise UserError(f"config: evaluation.text: {evaluation.text} holds no document")
    return documents, sizes


def _token(tokenizer: Tokenizer, token: str | None, key: str) -> list[int]:
    """The id of a special token as a list, empty for none."""
    if token is None:
        return []
    number = tokenizer.token_to_id(token)
    if number is None:
        raise UserError(f"config: {key}: the model's tokenizer has no token {token}")
    return [number]
