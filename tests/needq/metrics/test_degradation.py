"""Tables: means of the right values, in one order and spelling, whatever the chunks."""

import math

import fake_run
import numpy
import pandas
import pytest
from needq.common import columns, tables
from needq.metrics import degradation as metrics
from needq.metrics import ngrams as text_metrics
from needq.metrics import shares, statistics


def degradation(folder, backend="cpu"):
    return metrics.degradation_table(backend, *fake_run.stages(folder, backend))


def test_degradation_has_its_columns_and_one_row_an_intervention(fake_folder):
    table = degradation(fake_folder)
    assert list(table) == list(columns.DEGRADATION)
    assert list(table["blocks_replaced"]) == list(range(fake_run.BLOCKS + 1))
    assert list(table["noise_seeds"]) == [0] + [5] * fake_run.BLOCKS
    assert list(table["texts"]) == [16] + [80] * fake_run.BLOCKS


def test_means_are_those_of_a_naive_loop(fake_folder):
    table = degradation(fake_folder).set_index("blocks_replaced")
    rows = [row for row in fake_run.evaluation() if row["blocks_replaced"] == 3]
    nll = sum(row["nll"] for row in rows) / len(rows)
    bits = sum(row["nll"] * row["tokens"] / math.log(2) / row["bytes"] for row in rows)
    assert table.loc[3, "nll"] == pytest.approx(nll)
    assert table.loc[3, "bits_per_byte"] == pytest.approx(bits / len(rows))
    texts = [row["tokens"] for row in fake_run.texts(0) if row["blocks_replaced"] == 3]
    repeated = [text_metrics.seq_rep(tokens) for tokens in texts]
    assert table.loc[3, "seq_rep_4"] == pytest.approx(sum(repeated) / len(repeated))


@pytest.mark.parametrize("band", ["", "_0_39", "_40_99", "_from_100"])
def test_rises_are_paired_by_document(fake_folder, band):
    table = degradation(fake_folder).set_index("blocks_replaced")
    cells, pristine = numpy.zeros((5, fake_run.DOCUMENTS)), numpy.zeros(fake_run.DOCUMENTS)
    for row in fake_run.evaluation():
        if row["blocks_replaced"] == 3:
            cells[row["noise_seed"], row["document"]] = row[f"nll{band}"]
        elif row["blocks_replaced"] == 0:
            pristine[row["document"]] = row[f"nll{band}"]
    estimate = statistics.mean_of_crossed(cells - pristine)
    found = [table.loc[3, f"rise{band}{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([float(estimate.mean), estimate.low, estimate.high])
    assert table.loc[3, f"nll{band}"] - table.loc[0, f"nll{band}"] == pytest.approx(found[0])
    unpaired = statistics.mean_of_crossed(cells)
    assert unpaired.high - unpaired.low != pytest.approx(found[2] - found[1], rel=1e-3)


def test_the_pristine_model_has_risen_by_nothing_and_has_no_interval(fake_folder):
    row = degradation(fake_folder).iloc[0]
    for band in ("", "_0_39", "_40_99", "_from_100"):
        assert row[f"rise{band}"] == 0
        assert numpy.isnan([row[f"rise{band}_low"], row[f"rise{band}_high"]]).all()


def test_documents_too_short_for_a_band_are_left_out(fake_folder):
    texts, scores, evaluation, *others = fake_run.stages(fake_folder, "cpu")
    evaluation.loc[evaluation["document"] < 4, "nll_from_100"] = numpy.nan
    table = metrics.degradation_table("cpu", texts, scores, evaluation, *others)
    kept = evaluation[(evaluation["blocks_replaced"] == 5) & (evaluation["document"] >= 4)]
    assert table["nll_from_100"][5] == pytest.approx(kept["nll_from_100"].mean())
    assert set(table["documents"]) == {fake_run.DOCUMENTS}
    evaluation["nll_from_100"] = numpy.nan  # of every document
    table = metrics.degradation_table("cpu", texts, scores, evaluation, *others)
    columns = ["nll_from_100", "rise_from_100_low", "rise_from_100_high"]
    assert table[columns].isna().all().all()
    assert table["rise_from_100"][1:].isna().all()


def test_rises_are_those_of_their_own_sweep(fake_folder):
    evaluation = fake_run.stages(fake_folder, "cpu")[2]
    other = evaluation.assign(sweep="other", nll=2 * evaluation["nll"])
    rises = metrics.with_rises(pandas.concat([evaluation, other], ignore_index=True))["rise"]
    first, second = (rises[part.index] for _, part in rises.groupby(rises.index // len(other)))
    numpy.testing.assert_allclose(second, 2 * first, atol=1e-12)


def test_texts_too_short_for_a_measure_are_left_out(fake_folder):
    texts, *others = fake_run.stages(fake_folder, "cpu")
    short = (texts["prompt"] == 0) & (texts["blocks_replaced"] == 1)
    texts["tokens"] = [
        tokens[:3] if cut else tokens for tokens, cut in zip(texts["tokens"], short, strict=True)
    ]
    table = metrics.degradation_table("cpu", texts, *others).set_index("blocks_replaced")
    kept = texts[(texts["blocks_replaced"] == 1) & (texts["prompt"] > 0)]["tokens"]
    expected = numpy.mean([text_metrics.seq_rep(tokens) for tokens in kept])
    assert table.loc[1, "seq_rep_4"] == pytest.approx(expected)
    assert table.loc[1, "texts"] == 80


def test_tasks_are_shares_of_items(fake_folder):
    table = degradation(fake_folder).set_index("blocks_replaced")
    cells = numpy.zeros((5, fake_run.ITEMS))
    for row in fake_run.answers():
        if (row["blocks_replaced"], row["task"]) == (4, "cloze"):
            cells[row["noise_seed"], row["item"]] = row["right"]
    estimate = shares.share_of_crossed(cells)
    found = [table.loc[4, f"cloze{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([estimate.mean, estimate.low, estimate.high])
    assert table.loc[4, "grammar"] > table.loc[4, "cloze"]


def test_a_row_has_the_label_of_most_of_its_texts(fake_folder):
    found = degradation(fake_folder)["label"].tolist()
    labels = ("near normal", "meaning lost", "repetitive", "noise")
    # half of the last row's texts are too short: of two labels as common, the first is taken
    assert found == [labels[max(blocks - 1, 0) // 3] for blocks in range(13)]


def test_sweeps_that_are_scored_alone_have_no_texts(fake_folder):
    texts, scores, evaluation, answers, labels = fake_run.stages(fake_folder, "cpu")
    more = evaluation.assign(
        sweep="keys", intervention=evaluation["intervention"].str.replace("q/cumulative", "k/keys")
    )
    evaluation = pandas.concat([evaluation, more])
    table = metrics.degradation_table("cpu", texts, scores, evaluation, answers, labels)
    full, alone = (table[table["sweep"] == sweep] for sweep in ("cumulative", "keys"))
    assert len(full) == len(alone) == 13
    assert set(alone["texts"]) == {0}
    assert list(alone["nll"]) == list(full["nll"])
    empty = ["label", "pristine_nll", "seq_rep_4", "distinct_2", "grammar", "cloze", "example"]
    assert alone[empty].isna().all().all()
    assert full[empty].notna().all().all()


def test_intervals_stay_within_what_is_possible(fake_folder):
    table = degradation(fake_folder)
    for name in ("top1_agreement", "seq_rep_4", "distinct_2"):
        assert table[f"{name}_low"].min() >= 0
        assert table[f"{name}_high"].max() <= 1
    assert table["kl"][0] == table["kl_low"][0] == table["kl_high"][0] == 0


def test_chunks_leave_no_trace(fake_folder, tmp_path):
    fake_run.write(tmp_path, chunk_size=97)
    assert len(list(tmp_path.glob("generate/cpu/first/*.parquet"))) > 5
    pandas.testing.assert_frame_equal(degradation(fake_folder), degradation(tmp_path))
    whole = fake_run.read(fake_folder, "diff/*/*.parquet")
    cut = tables.read_frame(sorted(tmp_path.glob("diff/*/*.parquet"), reverse=True))
    pandas.testing.assert_frame_equal(whole, cut)
    for name, folder in (("whole.tsv", fake_folder), ("cut.tsv", tmp_path)):
        tables.write_table(tmp_path / name, degradation(folder), tables.MEASURED)
    assert (tmp_path / "whole.tsv").read_bytes() == (tmp_path / "cut.tsv").read_bytes()
