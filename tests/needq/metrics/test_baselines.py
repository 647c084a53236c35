"""N-gram baselines: the table beside the pristine model."""

import fake_run
import fake_tables
import numpy as np
import pandas
import pytest
from needq.common import columns
from needq.metrics import baselines, statistics


def test_the_table_pairs_documents_with_the_pristine_model(fake_folder):
    table = fake_tables.baselines(fake_folder)
    assert list(table) == list(columns.BASELINES)
    assert list(table["n"]) == [1, 2, 3, 4, 5]
    rises = 0.1 * (np.arange(fake_run.DOCUMENTS) % 2)
    for lost, row in zip((3, 1.5, 0.8, 0.6, 0.5), table.to_dict("records"), strict=True):
        wanted = statistics.mean_of_items(lost + rises)
        found = [row[name] for name in ("rise", "rise_low", "rise_high")]
        assert found == pytest.approx([wanted.mean, wanted.low, wanted.high])
        assert row["rise_0_39"] == pytest.approx(0.4 * wanted.mean)
        assert row["rise_from_100"] == pytest.approx(1.48 * wanted.mean)
        assert row["documents"] == fake_run.DOCUMENTS
        # 16 documents of 150 tokens and 620 bytes
        assert row["bits_per_byte"] == pytest.approx(row["nll"] * 150 / np.log(2) / 620)


def test_documents_meet_their_own_pristine_score():
    """Whatever the order of the rows, and with documents too short for a band."""
    rng = np.random.default_rng(3)
    nll = {f"nll{band}": rng.uniform(1, 5, 8) for band in ("", "_0_39", "_40_99", "_from_100")}
    nll["nll_from_100"][2] = np.nan
    pristine = pandas.DataFrame({"document": range(8), **nll})
    ngrams = pristine.assign(order=1, tokens=50, bytes=200)
    for name in nll:
        ngrams[name] += 0.5
    table = baselines.baselines_table(ngrams.sample(frac=1, random_state=1), pristine)
    rises = table[["rise", "rise_0_39", "rise_40_99", "rise_from_100"]].to_numpy(float)
    assert rises == pytest.approx(0.5)
    assert table["rise_low"][0] == pytest.approx(0.5)
