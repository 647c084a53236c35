"""Tables in and out: parquet between stages, TSV for readers; the same bytes for the same rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
from pyarrow import parquet

from needq.common.files import temporary, write_text

if TYPE_CHECKING:  # jobs that compute with a model read and write rows alone: no need of pandas
    from pandas import DataFrame

SORTED_BY = ("backend", "left", "right", "sweep", "intervention", "noise_seed")
SORTED_BY += ("prompt", "sample_seed", "document")
MEASURED = "%.6g"  # the intervals are wider than the seventh digit by far


def write_rows(path: str | Path, rows: Sequence[Mapping[str, Any]], schema: pyarrow.Schema) -> None:
    """Write rows as parquet in one step.

    A column that a row lacks is null there; what the schema does not name is left out.
    """
    table = pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema)
    with temporary(path) as partial:
        parquet.write_table(table, partial)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a parquet file, null as None."""
    return parquet.read_table(path).to_pylist()


def read_frame(paths: Sequence[str | Path]) -> DataFrame:
    """The rows of parquet files, sorted by their keys, so that chunks leave no trace.

    Integers stay integers where some are missing.
    """
    rows = _concatenated(paths)
    keys = [name for name in SORTED_BY if name in rows]
    return rows.sort_values(keys, na_position="first", kind="stable", ignore_index=True)


def read_by_backend(paths: Sequence[str | Path], backends: Sequence[str]) -> dict[str, DataFrame]:
    """The rows of parquet files, as `read_frame` sorts them, of each of the backends."""
    rows = read_frame(paths)
    return {
        name: rows[rows["backend"] == name].drop(columns="backend").reset_index(drop=True)
        for name in backends
    }


def read_ledger(paths: Sequence[str | Path]) -> DataFrame:
    """The rows of the ledger's texts of several pairs, in their order.

    A backend that is in two pairs has its repeat in both: the first one counts.
    """
    keys = ["left", "right", "order", "step", "intervention", "noise_seed", "prompt", "sample_seed"]
    return _concatenated(paths).drop_duplicates(keys, ignore_index=True)


def _concatenated(paths: Sequence[str | Path]) -> DataFrame:
    import pandas

    tables = pyarrow.concat_tables([parquet.read_table(path) for path in paths])
    return tables.to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)


def write_table(path: str | Path, table: DataFrame, decimals: str | None = None) -> None:
    """Write a table as TSV: one line a row, empty for missing values.

    Floats are written by `decimals`, a format such as MEASURED, or else so that they read back as
    the same floats. Text keeps to its line: see `escape`.
    """
    table = table.copy()
    for name in table.select_dtypes(["object", "string"]):
        table[name] = table[name].map(escape, na_action="ignore")
    text = table.to_csv(
        sep="\t",
        index=False,
        float_format=decimals,
        lineterminator="\n",
        quoting=csv.QUOTE_MINIMAL,
    )
    write_text(path, text)


def read_table(path: str | Path) -> DataFrame:
    """The inverse of `write_table`: numbers, text, and NaN where a field is empty."""
    import pandas

    table = pandas.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])
    if "example" in table:
        table["example"] = table["example"].fillna("").map(unescape)
    return table


def escape(text: str) -> str:
    r"""`text` on one line: a backslash doubled, and \uNNNN for what may end a line or be a tab."""
    return re.sub(
        r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]",
        lambda match: "\\\\" if match[0] == "\\" else f"\\u{ord(match[0]):04x}",
        text,
    )


def unescape(text: str) -> str:
    """The inverse of `escape`."""
    return re.sub(
        r"\\(\\|u([0-9a-f]{4}))",
        lambda match: chr(int(match[2], 16)) if match[2] else "\\",
        text,
    )
