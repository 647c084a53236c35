"""The table of replacement methods: ratios of damage, and verdicts."""

import numpy as np
import pandas
import pytest
from claim_data import documents, rows_of
from needq.common import columns, tables
from needq.common.published import read_table
from needq.metrics.replacement_methods import replacement_methods_table
from pandas import DataFrame

S, R, U = "supported", "refuted", "undecided"


def test_a_run_without_another_method_has_a_table_of_no_rows(tmp_path):
    table = replacement_methods_table(DataFrame(), {"q": "cumulative"})
    tables.write_table(tmp_path / "methods.tsv", table)
    assert list(read_table(tmp_path / "methods.tsv")) == list(columns.REPLACEMENT_METHODS)


def test_replacement_methods_are_compared_with_gaussian_noise():
    rng = np.random.default_rng(0)
    gaussian = documents(rng, np.linspace(0.5, 3, 12))
    rise = gaussian[:, :, 1:] - gaussian[:, :, :1]

    def method(share, seeds=5):
        table = np.concatenate([gaussian[:, :, :1], gaussian[:, :, :1] + share * rise], axis=2)
        return table[:seeds]

    # permuted at some of the steps only; the others without noise seeds
    tables = {"q": gaussian, "permuted": method(1.01), "zero": method(0.4, 1)}
    tables["identity"] = method(0.8, 1)
    evaluation = pandas.DataFrame(
        [
            row
            for name, table in tables.items()
            for row in rows_of(table, name, "document", "nll")
            if name != "permuted" or row["blocks_replaced"] in (0, 3, 6, 12)
        ]
    )
    evaluation.loc[evaluation["sweep"].isin(["zero", "identity"]), "noise_seed"] = None
    found = replacement_methods_table(evaluation, {name: name for name in tables})
    assert found["method"].tolist() == ["permuted", "zero", "identity"]
    assert found["verdict"].tolist() == [S, R, U]
    assert found["ratio"].tolist() == pytest.approx([1.01, 0.4, 0.8], abs=0.05)
