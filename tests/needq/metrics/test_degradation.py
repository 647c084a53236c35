"""Tables: means of the right values, in one order and spelling, whatever the chunks."""

import math

import fake_run
import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.common import columns, tables
from needq.divergence import summary
from needq.metrics import degradation as metrics
from needq.metrics import estimates, histogram, statistics
from needq.metrics import ngrams as text_metrics


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fake_run.write(folder)
    return folder


def read(folder, pattern):
    return tables.read_frame(sorted(folder.glob(pattern)))


def degradation(folder, backend="cpu"):
    return metrics.degradation_table(backend, *fake_run.stages(folder, backend))


def test_degradation_has_its_columns_and_one_row_an_intervention(run):
    table = degradation(run)
    assert list(table) == list(columns.DEGRADATION)
    assert list(table["blocks_replaced"]) == list(range(fake_run.BLOCKS + 1))
    assert list(table["noise_seeds"]) == [0] + [5] * fake_run.BLOCKS
    assert list(table["texts"]) == [16] + [80] * fake_run.BLOCKS


def test_means_are_those_of_a_naive_loop(run):
    table = degradation(run).set_index("blocks_replaced")
    rows = [row for row in fake_run.evaluation() if row["blocks_replaced"] == 3]
    nll = sum(row["nll"] for row in rows) / len(rows)
    bits = sum(row["nll"] * row["tokens"] / math.log(2) / row["bytes"] for row in rows)
    assert table.loc[3, "nll"] == pytest.approx(nll)
    assert table.loc[3, "bits_per_byte"] == pytest.approx(bits / len(rows))
    texts = [row["tokens"] for row in fake_run.texts(0) if row["blocks_replaced"] == 3]
    repeated = [text_metrics.seq_rep(tokens) for tokens in texts]
    assert table.loc[3, "seq_rep_4"] == pytest.approx(sum(repeated) / len(repeated))


def test_intervals_are_those_of_the_cells(run):
    table = degradation(run).set_index("blocks_replaced")
    cells = numpy.zeros((5, fake_run.DOCUMENTS))
    for row in fake_run.evaluation():
        if row["blocks_replaced"] == 3:
            cells[row["noise_seed"], row["document"]] = row["nll"]
        elif row["blocks_replaced"] == 0:
            cells[0, row["document"]] = row["nll"]
            pristine = cells[0].copy()
    estimate = statistics.mean_of_crossed(cells)
    assert table.loc[3, "nll_low"] == pytest.approx(estimate.low)
    assert table.loc[3, "nll_high"] == pytest.approx(estimate.high)
    assert table.loc[0, "nll_low"] == pytest.approx(statistics.mean_of_items(pristine).low)


def test_sample_seeds_are_averaged_within_their_cell():
    rows = pandas.DataFrame(
        {
            "noise_seed": [0, 0, 0, 1, 1],
            "prompt": [0, 0, 1, 0, 1],
            "value": [1.0, 3.0, 5.0, 7.0, 9.0],
        }
    )
    expected = statistics.mean_of_crossed(numpy.array([[2.0, 5.0], [7.0, 9.0]]))
    assert estimates.mean(rows, "value", "prompt") == expected


def test_the_pristine_model_has_one_random_factor():
    rows = pandas.DataFrame(
        {"noise_seed": pandas.array([None] * 4, "Int64"), "prompt": [0, 0, 1, 2]}
    )
    rows["value"] = [1.0, 3.0, 5.0, 7.0]
    expected = statistics.mean_of_items(numpy.array([2.0, 5.0, 7.0]))
    assert estimates.mean(rows, "value", "prompt") == expected


def test_texts_too_short_for_a_measure_are_left_out(run):
    texts, *others = fake_run.stages(run, "cpu")
    short = (texts["prompt"] == 0) & (texts["blocks_replaced"] == 1)
    texts["tokens"] = [
        tokens[:3] if cut else tokens for tokens, cut in zip(texts["tokens"], short, strict=True)
    ]
    table = metrics.degradation_table("cpu", texts, *others).set_index("blocks_replaced")
    kept = texts[(texts["blocks_replaced"] == 1) & (texts["prompt"] > 0)]["tokens"]
    expected = numpy.mean([text_metrics.seq_rep(tokens) for tokens in kept])
    assert table.loc[1, "seq_rep_4"] == pytest.approx(expected)
    assert table.loc[1, "texts"] == 80


def test_rows_are_read_by_backend(run):
    files = sorted(run.glob("generate/*/first/*.parquet"), reverse=True)
    found = tables.read_by_backend(files, ["cpu64", "cpu", "none"])
    assert list(found) == ["cpu64", "cpu", "none"] and found["none"].empty
    for name in ("cpu", "cpu64"):
        texts = fake_run.stages(run, name)[0].drop(columns="backend")
        pandas.testing.assert_frame_equal(found[name], texts)


def test_probes_are_shares_with_wilsons_interval(run):
    table = degradation(run).set_index("blocks_replaced")
    cells = numpy.zeros((5, fake_run.ITEMS))
    for row in fake_run.answers():
        if (row["blocks_replaced"], row["probe"]) == (4, "cloze"):
            cells[row["noise_seed"], row["item"]] = row["right"]
    estimate = statistics.share_of_crossed(cells)
    found = [table.loc[4, f"cloze{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([estimate.mean, estimate.low, estimate.high])
    assert table.loc[4, "grammar"] > table.loc[4, "cloze"]


def test_a_row_has_the_label_of_most_of_its_texts(run):
    found = degradation(run)["label"].tolist()
    labels = ("near normal", "meaning lost", "repetitive", "noise")
    # half of the last row's texts are too short: of two labels as common, the first is taken
    assert found == [labels[max(blocks - 1, 0) // 3] for blocks in range(13)]


def test_sweeps_that_are_scored_alone_have_no_texts(run):
    texts, scores, evaluation, answers, labels = fake_run.stages(run, "cpu")
    more = evaluation.assign(
        sweep="keys", intervention=evaluation["intervention"].str.replace("q/cumulative", "k/keys")
    )
    evaluation = pandas.concat([evaluation, more])
    table = metrics.degradation_table("cpu", texts, scores, evaluation, answers, labels)
    full, alone = (table[table["sweep"] == sweep] for sweep in ("cumulative", "keys"))
    assert len(full) == len(alone) == 13 and set(alone["texts"]) == {0}
    assert list(alone["nll"]) == list(full["nll"])
    empty = ["label", "text_nll", "seq_rep_4", "distinct_2", "grammar", "cloze", "example"]
    assert alone[empty].isna().all().all() and full[empty].notna().all().all()


def test_intervals_stay_within_what_is_possible(run):
    table = degradation(run)
    for name in ("top1_agreement", "seq_rep_4", "distinct_2"):
        assert table[f"{name}_low"].min() >= 0 and table[f"{name}_high"].max() <= 1
    assert table["kl"][0] == table["kl_low"][0] == table["kl_high"][0] == 0


def test_chunks_leave_no_trace(run, tmp_path):
    fake_run.write(tmp_path, chunk_size=97)
    assert len(list(tmp_path.glob("generate/cpu/first/*.parquet"))) > 5
    pandas.testing.assert_frame_equal(degradation(run), degradation(tmp_path))
    whole = read(run, "diff/*/*.parquet")
    cut = tables.read_frame(sorted(tmp_path.glob("diff/*/*.parquet"), reverse=True))
    pandas.testing.assert_frame_equal(whole, cut)
    for name, folder in (("whole.tsv", run), ("cut.tsv", tmp_path)):
        tables.write_table(tmp_path / name, degradation(folder), tables.MEASURED)
    assert (tmp_path / "whole.tsv").read_bytes() == (tmp_path / "cut.tsv").read_bytes()


def test_divergence_reads_back_to_the_same_bits(run, tmp_path):
    rows = read(run, "diff/cpu-cpu64/*.parquet")[list(columns.DIVERGENCE)]
    tables.write_table(tmp_path / "divergence.tsv", rows)
    back = tables.read_table(tmp_path / "divergence.tsv")
    for name in ("max_abs_logit", "kl", "margin"):
        numpy.testing.assert_array_equal(back[name], rows[name])
    first = (tmp_path / "divergence.tsv").read_text().splitlines()[1].split("\t")
    named = dict(zip(columns.DIVERGENCE, first, strict=True))
    assert named["noise_seed"] == "" and named["top1_flips"] == "0"
    assert named["identical"] == "True" and named["first_divergent_token"] == ""


def test_divergence_summary_counts_what_it_says(run):
    rows = read(run, "diff/*/*.parquet")
    table = summary.summary_table(rows)
    assert list(table) == list(columns.DIVERGENCE_SUMMARY)
    control = table[table["left"] == table["right"]]
    assert (control["identical"] == 1).all() and (control["max_ulp"] == 0).all()
    assert (control["identical_high"] == 1).all() and (control["identical_low"] < 1).all()
    assert control["first_divergent_token"].isna().all()
    mine = table[(table["left"] != table["right"]) & (table["blocks_replaced"] == 12)].iloc[0]
    part = rows[(rows["right"] == "cpu64") & (rows["left"] == "cpu")]
    part = part[part["intervention"] == "q/cumulative/12"]
    assert mine["identical"] == pytest.approx(part["identical"].mean())
    assert 0 < mine["identical_low"] < mine["identical"] < mine["identical_high"] < 1
    assert mine["first_divergent_token"] == numpy.median(
        part["first_divergent_token"].dropna().to_numpy(float)
    )
    assert mine["texts"] == 80 and mine["noise_seeds"] == 5


def test_the_shared_part_and_the_quartiles(run):
    rows = read(run, "diff/cpu-cpu64/*.parquet")
    table = summary.summary_table(rows).set_index("blocks_replaced")
    part = rows[rows["intervention"] == "q/cumulative/12"]
    places = part["first_divergent_token"].to_numpy(float, na_value=numpy.nan)
    shared = numpy.where(numpy.isnan(places), 1, places / fake_run.NEW_TOKENS)
    row = table.loc[12]
    assert row["shared"] == pytest.approx(shared.mean())
    assert row["shared_low"] < row["shared"] < row["shared_high"]
    quartiles = numpy.nanquantile(places, [0.25, 0.75])
    assert [row["first_divergent_q25"], row["first_divergent_q75"]] == pytest.approx(quartiles)


def shared(slope, noise, seeds=5, prompts=8):
    """Rows of diff whose shared part changes by `slope` with each block replaced."""
    random = numpy.random.default_rng(3)
    rows = []
    for seed in [None, *range(seeds)]:
        for count in [0] if seed is None else range(1, 13):
            for prompt in range(prompts):
                place = 60 * (0.5 + slope * count + noise * random.normal())
                row = {"left": "a", "right": "b", "sweep": "s", "noise_seed": seed}
                row |= {"intervention": f"q/s/{count:02d}", "blocks_replaced": count}
                row |= {"prompt": prompt, "tokens": 60}
                rows.append(row | {"first_divergent_token": place, "identical": False})
    return pandas.DataFrame(rows)


@pytest.mark.parametrize(
    ("slope", "noise", "verdict"),
    [(-0.02, 0.02, "earlier"), (0.01, 0.02, "later"), (0.0, 0.1, "undecided")],
)
def test_trend_is_the_slope_over_blocks_replaced(slope, noise, verdict):
    (row,) = summary.trend_table(shared(slope, noise)).to_dict("records")
    assert row["verdict"] == verdict and row["noise_seeds"] == 5 and row["texts"] == 8 * 61
    assert row["slope"] == pytest.approx(slope, abs=0.006)
    exact = summary.trend_table(shared(slope, 0)).iloc[0]
    assert exact["slope"] == pytest.approx(slope)


def test_texts_that_never_part_have_no_trend():
    rows = shared(0.0, 0.1)
    rows["tokens"] = [6 + index % 50 for index in range(len(rows))]  # whatever their length
    rows = rows.assign(first_divergent_token=numpy.nan, identical=True)
    (row,) = summary.trend_table(rows).to_dict("records")
    assert (row["slope"], row["slope_low"], row["slope_high"]) == (0, 0, 0)
    assert row["verdict"] == "undecided"


def test_logits_that_were_not_compared_are_missing_not_zero(run):
    rows = read(run, "diff/cpu-cpu64/*.parquet")
    rows["top1_flips"] = pandas.array([None] * len(rows), "Int64")
    rows["max_ulp"] = numpy.nan
    table = summary.summary_table(rows)
    assert table["top1_flips"].isna().all() and table["max_ulp"].isna().all()


def test_histogram_counts_every_weight_once():
    rng = numpy.random.default_rng(0)
    weights = {block: rng.normal(size=(32, 32)).astype("float32") for block in (0, 1)}
    noise = {block: rng.normal(size=(32, 32)).astype("float32") for block in (0, 1)}
    table = histogram.histogram_table(weights, noise, "q-gaussian-3", 3)
    assert list(table) == list(columns.HISTOGRAM)
    assert (table.groupby("block")["weights"].sum() == 1024).all()
    assert (table.groupby("block")["noise"].sum() == 1024).all()
    first = table[table["block"] == 0]
    assert first["bin_low"].iloc[0] == min(weights[0].min(), noise[0].min())
    inside = (weights[0] >= first["bin_low"].iloc[30]) & (weights[0] < first["bin_high"].iloc[30])
    assert first["weights"].iloc[30] == inside.sum()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_one_line_and_comes_back(text):
    line = tables.escape(text)
    assert len(line.splitlines()) <= 1 and "\t" not in line
    assert tables.unescape(line) == text


def test_hostile_texts_survive_the_table(run, tmp_path):
    table = degradation(run)
    table.loc[0, "example"] = '"starts with a quote'
    table.loc[1, "example"] = "NA"
    table.loc[2, "example"] = ""
    tables.write_table(tmp_path / "degradation.tsv", table, tables.MEASURED)
    back = tables.read_table(tmp_path / "degradation.tsv")
    assert list(back["example"]) == list(table["example"])
    assert back["example"].iloc[-1] == fake_run.HOSTILE
    assert len((tmp_path / "degradation.tsv").read_text().splitlines()) == 14
