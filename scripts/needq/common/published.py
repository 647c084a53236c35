"""Tables that readers see (TSV), read back as they were written by `needq.common.tables`."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow

from needq.common import columns
from needq.common.files import reading
from needq.common.tables import SCHEMAS

if TYPE_CHECKING:
    from pandas import DataFrame

# columns of text, which stays text if it looks like a number: those of parquet files and of tables
TEXT = {field.name for schema in SCHEMAS for field in schema if pyarrow.types.is_string(field.type)}
TEXT |= {"matrix", "steps"}
TEXT |= {"cause", "claim", "effect", "example", "measure", "method", "statement"}
TEXT |= {"axis", "bias", "replaced", "stored_noise", "test", "true_label", "verdict", "why", "run"}
TEXT |= {"model", "parameters", "least_blocks", "most_blocks"}
MIXED = {"low", "high"}  # ends of an interval: numbers, or that n is too small


def read_table(path: str | Path) -> DataFrame:
    """The inverse of `tables.write_table`: numbers, text, and NaN where a field is empty.

    An empty example is an empty text, since every row has one. UserError if the file is damaged.
    """
    import pandas

    with reading(path, ValueError):
        content = Path(path).read_bytes()
        _check_lines(content, Path(path).stem)
        table = pandas.read_csv(
            io.BytesIO(content),
            sep="\t",
            keep_default_na=False,
            na_values=[""],
            dtype=dict.fromkeys(TEXT, str),
        )
        for name in set(table) - TEXT - MIXED:
            filled = table[name].dropna()  # a column without a value has no type
            if len(filled) and not pandas.api.types.is_numeric_dtype(filled):
                raise ValueError(f"the column {name} holds other things than numbers")
    for name in TEXT & set(table):
        filled = table[name].fillna("") if name == "example" else table[name]
        table[name] = filled.map(unescape, na_action="ignore")
    return table


def _check_lines(content: bytes, name: str) -> None:
    """ValueError for the content of a table with lines that `tables.write_table` does not write."""
    lines = content.decode("utf-8").split("\n")
    if lines.pop() or not lines:
        raise ValueError("its last line has no end")
    header = lines[0].split("\t")
    unknown = set(header) - set(columns.TABLES.get(name, header))
    if unknown:
        raise ValueError(f"a table of this name has no column {min(unknown)!r}")
    for number, line in enumerate(lines, 1):
        if line.count("\t") != len(header) - 1 or "\0" in line:
            raise ValueError(f"line {number} is broken")


def unescape(text: str) -> str:
    """The inverse of `tables.escape`."""
    return re.sub(
        r"\\(\\|u([0-9a-f]{4}))",
        lambda match: chr(int(match[2], 16)) if match[2] else "\\",
        text,
    )
