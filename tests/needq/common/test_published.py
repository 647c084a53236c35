"""Published tables: what was written comes back, text as text and numbers as numbers."""

from pathlib import Path

import fake_run
import fake_tables
import numpy
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.common import columns, published, tables

ROOT = Path(__file__).parents[3]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_one_line_and_comes_back(text):
    line = tables.escape(text)
    assert len(line.splitlines()) <= 1
    assert "\t" not in line
    assert published.unescape(line) == text


def test_hostile_texts_survive_the_table(fake_folder, tmp_path):
    table = fake_tables.degradation(fake_folder)[:13]
    table.loc[0, "example"] = '"starts with a quote'
    table.loc[1, "example"] = "NA"
    table.loc[2, "example"] = ""
    tables.write_table(tmp_path / "degradation.tsv", table, tables.MEASURED)
    back = published.read_table(tmp_path / "degradation.tsv")
    assert list(back["example"]) == list(table["example"])
    assert back["example"].iloc[-1] == fake_run.HOSTILE
    assert len((tmp_path / "degradation.tsv").read_text().splitlines()) == 14


def test_divergence_reads_back_to_the_same_bits(fake_folder, tmp_path):
    files = sorted(fake_folder.glob("diff/cpu-cpu_float64/*.parquet"))
    rows = tables.read_frame(files)[list(columns.DIVERGENCE)]
    tables.write_table(tmp_path / "divergence.tsv", rows)
    back = published.read_table(tmp_path / "divergence.tsv")
    for name in ("max_abs_logit", "kl", "margin"):
        numpy.testing.assert_array_equal(back[name], rows[name])
    first = (tmp_path / "divergence.tsv").read_text().splitlines()[1].split("\t")
    named = dict(zip(columns.DIVERGENCE, first, strict=True))
    assert named["noise_seed"] == ""
    assert named["top1_flips"] == "0"
    assert named["identical"] == "True"
    assert named["first_divergent_token"] == ""


# texts that a reader of TSV may take for something else, and any others
LOOKALIKES = "7777 1.5 -0 1e5 0x10 1_000 inf -Infinity nan NaN NA null None True false 2024-01-01"
CHARACTERS = st.characters(exclude_categories=["Cs"])
LOOKALIKE = st.sampled_from([*LOOKALIKES.split(), " ", " 7", '"', "'1", "\\n", "#", "é", "a,b"])
NAME = LOOKALIKE | st.text(CHARACTERS, min_size=1)
NUMBERS = st.none() | st.floats(allow_nan=False)


@pytest.mark.parametrize("looks", [LOOKALIKE, NAME])
@pytest.mark.parametrize("table", columns.TABLES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_text_stays_text_and_numbers_stay_numbers(table, looks, tmp_path_factory, data):
    """Even if all texts of a column look like numbers."""
    kinds = {name: looks if name in published.TEXT else NUMBERS for name in columns.TABLES[table]}
    if "example" in kinds:
        kinds["example"] |= st.just("")
    rows = data.draw(st.lists(st.fixed_dictionaries(kinds), min_size=1, max_size=3))
    written = pandas.DataFrame(rows, columns=list(kinds))
    path = tmp_path_factory.mktemp("table") / "t.tsv"
    tables.write_table(path, written)
    back = published.read_table(path)
    assert list(back) == list(written)
    for name in kinds:
        if name in published.TEXT:
            assert list(back[name]) == list(written[name])
        else:
            numpy.testing.assert_array_equal(back[name].astype(float), written[name].astype(float))


@pytest.mark.parametrize("texts", [["7777", "12"], ["1.5", ""], ["True", "False"], ["", ""]])
def test_examples_that_look_like_numbers_stay_texts(tmp_path, texts):
    tables.write_table(tmp_path / "t", pandas.DataFrame({"nll": [1.0, 2.0], "example": texts}))
    assert list(published.read_table(tmp_path / "t")["example"]) == texts


def test_the_columns_of_text_are_those_that_hold_text():
    found = {}
    for file in (ROOT / "docs/evidence").rglob("*.tsv"):
        for name, column in pandas.read_csv(file, sep="\t").items():
            found.setdefault(name, set()).add(not pandas.api.types.is_numeric_dtype(column))
    known = {name for table in columns.TABLES.values() for name in table}
    texts = {name for name, kinds in found.items() if True in kinds}
    assert len(known & set(found)) > 60
    assert texts & known <= published.TEXT | {"identical"}
    assert {name for name in published.TEXT & set(found) if found[name] == {False}} == set()


@pytest.mark.parametrize("table", columns.TABLES)
def test_a_table_without_rows_comes_back(table, tmp_path):
    empty = pandas.DataFrame(columns=list(columns.TABLES[table]))
    tables.write_table(tmp_path / f"{table}.tsv", empty)
    back = published.read_table(tmp_path / f"{table}.tsv")
    assert list(back) == list(empty)
    assert len(back) == 0
