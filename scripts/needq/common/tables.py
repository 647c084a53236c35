"""Tables in files: parquet between stages, TSV for readers. Equal rows give equal bytes."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow
from pyarrow import parquet

from needq.common import schemas
from needq.common.files import damaged, temporary, write_text
from needq.common.rows import Row

if TYPE_CHECKING:  # jobs that compute with a model use rows alone, without pandas
    import numpy
    from pandas import DataFrame

SORTED_BY = ["backend", "left", "right", "sweep", "intervention", "noise_seed"]
SORTED_BY += ["prompt", "sample_seed", "document"]
SCHEMAS = [schema for schema in vars(schemas).values() if isinstance(schema, pyarrow.Schema)]
MEASURED = "%.6g"  # all intervals are much wider than the seventh digit


def write_rows(
    path: str | Path, rows: Sequence[Mapping[str, object]], schema: pyarrow.Schema
) -> None:
    """Write rows as parquet in one step.

    A column that a row does not have is null. A key that is not in the schema is left out.
    """
    _write_parquet(path, pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema))


def write_arrays(
    path: str | Path, arrays: Mapping[str, numpy.ndarray], schema: pyarrow.Schema
) -> None:
    """Write the columns of a schema, arrays of one length, as parquet in one step."""
    _write_parquet(path, pyarrow.table(dict(arrays), schema=schema))


def _write_parquet(path: str | Path, table: pyarrow.Table) -> None:
    with temporary(path) as partial:
        parquet.write_table(table, partial, write_page_checksum=True)


def read_rows(path: str | Path) -> list[Row]:
    """The rows of a parquet file; null is None. UserError if it is damaged."""
    return _read_parquet(path).to_pylist()


def _read_parquet(path: str | Path) -> pyarrow.Table:
    """A parquet file that an earlier job wrote by one of the schemas."""
    try:
        table = parquet.read_table(path, page_checksum_verification=True)
    except pyarrow.ArrowException as error:
        raise damaged(path, error) from None
    except OSError as error:
        if type(error) is not OSError or error.errno is not None:  # the machine's, not the file's
            raise
        raise damaged(path, error) from None
    if not any(table.schema.equals(schema) for schema in SCHEMAS):
        raise damaged(path, "its columns are others")
    return table


def read_frame(paths: Sequence[str | Path]) -> DataFrame:
    """The rows of parquet files, sorted by their keys, so that their order does not depend on
    chunks.

    A column of integers stays one if values are missing.
    """
    rows = _concatenated(paths)
    keys = [name for name in SORTED_BY if name in rows]
    return rows.sort_values(keys, na_position="first", kind="stable", ignore_index=True)


def read_by_backend(paths: Sequence[str | Path], backends: Sequence[str]) -> dict[str, DataFrame]:
    """The rows of parquet files, in the order of `read_frame`, for each of the backends."""
    rows = read_frame(paths)
    return {
        name: rows[rows["backend"] == name].drop(columns="backend").reset_index(drop=True)
        for name in backends
    }


def read_ledger(paths: Sequence[str | Path]) -> DataFrame:
    """The rows of `ledger_texts.tsv` of several pairs, in their order.

    A backend that is in two pairs has its repeat in both; only the first one is kept.
    """
    keys = ["left", "right", "corner", "intervention", "noise_seed", "prompt", "sample_seed"]
    return _concatenated(paths).drop_duplicates(keys, ignore_index=True)


def _concatenated(paths: Sequence[str | Path]) -> DataFrame:
    import pandas

    tables = pyarrow.concat_tables([_read_parquet(path) for path in paths])
    return tables.to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)


def write_table(path: str | Path, table: DataFrame, decimals: str | None = None) -> None:
    """Write a table as TSV: one line per row, empty for missing values.

    `decimals` is a format for floats, such as MEASURED. Without it, floats have all their digits.
    Text never breaks a line: see `escape`.
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


def escape(text: str) -> str:
    r"""`text` on one line: backslashes are doubled; tabs, line ends and the like are \uNNNN."""
    return re.sub(
        r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]",
        lambda match: "\\\\" if match[0] == "\\" else f"\\u{ord(match[0]):04x}",
        text,
    )
