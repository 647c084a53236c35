"""Texts of documents: the evaluation text, and the texts that models are trained on."""

import bz2
from itertools import groupby
from pathlib import Path

from needq.common.errors import UserError
from needq.common.files import read_text

PACKED = ".bz2"


def read_documents(path: str) -> list[str]:
    """The documents of the evaluation text: what is between lines that are blank or white space."""
    documents = _between_blank_lines(read_text(path, "evaluation.text"))
    if not documents:
        raise UserError(f"config: evaluation.text: {path}: holds no document")
    if len(documents) == 1 and "\n" in documents[0]:
        raise UserError(
            f"config: evaluation.text: {path}: has no blank line between documents: put one after "
            "each document, or write a single document on one line"
        )
    return documents


def read_ngram_documents(path: str, key: str = "evaluation.ngram_text") -> list[str]:
    """The documents of a training text: between blank lines; if there are none, its lines.

    `key` is the key of the config that names it. Raises UserError for what is no UTF-8, no bz2 file
    despite its name, or has no document.
    """
    documents = _between_blank_lines(_unpacked(path, key))
    if len(documents) == 1:
        documents = [line for line in documents[0].split("\n") if line.strip()]
    if not documents:
        raise UserError(f"config: {key}: {path}: holds no document")
    return documents


def _unpacked(path: str, key: str) -> str:
    if not path.endswith(PACKED):
        return read_text(path, key)
    where = f"config: {key}: {path}"
    try:
        text = bz2.decompress(Path(path).read_bytes()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{where}: is not UTF-8") from None
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{where}: cannot be read as bz2 ({error})") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _between_blank_lines(text: str) -> list[str]:
    groups = groupby(text.split("\n"), key=lambda line: bool(line.strip()))
    return ["\n".join(lines) for filled, lines in groups if filled]
