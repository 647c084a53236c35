"""Tables in and out: the same rows come back, and the same rows are the same bytes."""

import math
from pathlib import Path

import fake_run
import pandas
import pyarrow
import pytest
from needq.common import schemas, tables

ROOT = Path(__file__).parents[3]
ROW = {"sweep": "s", "intervention": "q/s/01", "blocks_replaced": 1, "noise_seed": None}


def test_rows_come_back_as_they_were(tmp_path):
    rows = [
        ROW
        | {
            "prompt": 0,
            "sample_seed": 4,
            "tokens": [1, 2],
            "margins": [0.1, math.inf],
            "exits": [0.2, math.inf],
            "entries": [math.inf, 0.3],
        },
        ROW | {"prompt": 1, "noise_seed": 3, "tokens": [], "text": 'tab\t"é"\n', "ended": True},
    ]
    path = tmp_path / "new" / "t.parquet"
    tables.write_rows(path, [row | {"extra": 1} for row in rows], schemas.TEXTS)
    found = tables.read_rows(path)
    for row, own in zip(rows, found, strict=True):
        assert own == dict.fromkeys(schemas.TEXTS.names) | row


def test_the_same_rows_are_the_same_bytes(tmp_path):
    for name in "ab":
        tables.write_rows(tmp_path / name, [ROW | {"nll": 0.1}], schemas.EVALUATION)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    tables.write_rows(tmp_path / "t", [], schemas.DIVERGENCE)
    assert tables.read_rows(tmp_path / "t") == []
    assert pyarrow.parquet.read_schema(tmp_path / "t").names == schemas.DIVERGENCE.names


def test_a_wrong_type_leaves_nothing(tmp_path):
    with pytest.raises(pyarrow.ArrowException):
        tables.write_rows(tmp_path / "t", [{"noise_seed": "three"}], schemas.EVALUATION)
    assert list(tmp_path.iterdir()) == []


def test_rows_are_read_by_backend(fake_folder):
    files = sorted(fake_folder.glob("generate/*/first/*.parquet"), reverse=True)
    found = tables.read_by_backend(files, ["cpu_float64", "cpu", "none"])
    assert list(found) == ["cpu_float64", "cpu", "none"]
    assert found["none"].empty
    for name in ("cpu", "cpu_float64"):
        texts = fake_run.stages(fake_folder, name)[0].drop(columns="backend")
        pandas.testing.assert_frame_equal(found[name], texts)
