"""Summaries of divergence: means, quartiles and trends of known texts."""

import fake_run
import numpy
import pandas
import pytest
from needq.common import columns
from needq.divergence import summary


def test_divergence_summary_counts_what_it_says(fake_folder):
    rows = fake_run.read(fake_folder, "diff/*/*.parquet")
    table = summary.summary_table(rows)
    assert list(table) == list(columns.DIVERGENCE_SUMMARY)
    repeats = table[table["left"] == table["right"]]
    assert (repeats["identical"] == 1).all()
    assert (repeats["max_ulp"] == 0).all()
    assert (repeats["identical_high"] == 1).all()
    assert (repeats["identical_low"] < 1).all()
    assert repeats["first_divergent_token"].isna().all()
    mine = table[(table["left"] != table["right"]) & (table["blocks_replaced"] == 12)].iloc[0]
    part = rows[(rows["right"] == "cpu_float64") & (rows["left"] == "cpu")]
    part = part[part["intervention"] == "q/cumulative/12"]
    assert mine["identical"] == pytest.approx(part["identical"].mean())
    assert 0 < mine["identical_low"] < mine["identical"] < mine["identical_high"] < 1
    assert mine["first_divergent_token"] == numpy.median(
        part["first_divergent_token"].dropna().to_numpy(float)
    )
    assert mine["texts"] == 80
    assert mine["noise_seeds"] == 5


def test_the_common_prefix_share_and_the_quartiles(fake_folder):
    rows = fake_run.read(fake_folder, "diff/cpu-cpu_float64/*.parquet")
    table = summary.summary_table(rows).set_index("blocks_replaced")
    part = rows[rows["intervention"] == "q/cumulative/12"]
    places = part["first_divergent_token"].to_numpy(float, na_value=numpy.nan)
    shared = numpy.where(numpy.isnan(places), 1, places / fake_run.NEW_TOKENS)
    row = table.loc[12]
    assert row["common_prefix_share"] == pytest.approx(shared.mean())
    assert (
        row["common_prefix_share_low"]
        < row["common_prefix_share"]
        < row["common_prefix_share_high"]
    )
    quartiles = numpy.nanquantile(places, [0.25, 0.75])
    assert [row["first_divergent_q25"], row["first_divergent_q75"]] == pytest.approx(quartiles)


def with_slope(slope, noise, seeds=5, prompts=8):
    """Rows of diff whose common prefix share changes by `slope` with each block replaced."""
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
    (row,) = summary.trend_table(with_slope(slope, noise)).to_dict("records")
    assert row["verdict"] == verdict
    assert row["noise_seeds"] == 5
    assert row["texts"] == 8 * 61
    assert row["slope"] == pytest.approx(slope, abs=0.006)
    exact = summary.trend_table(with_slope(slope, 0)).iloc[0]
    assert exact["slope"] == pytest.approx(slope)


def test_texts_that_never_diverge_have_no_trend():
    rows = with_slope(0.0, 0.1)
    rows["tokens"] = [6 + index % 50 for index in range(len(rows))]  # whatever their length
    rows = rows.assign(first_divergent_token=numpy.nan, identical=True)
    (row,) = summary.trend_table(rows).to_dict("records")
    assert (row["slope"], row["slope_low"], row["slope_high"]) == (0, 0, 0)
    assert row["verdict"] == "never"


def test_logits_that_were_not_compared_are_missing_not_zero(fake_folder):
    rows = fake_run.read(fake_folder, "diff/cpu-cpu_float64/*.parquet")
    rows["top1_flips"] = pandas.array([None] * len(rows), "Int64")
    rows["max_ulp"] = numpy.nan
    table = summary.summary_table(rows)
    assert table["top1_flips"].isna().all()
    assert table["max_ulp"].isna().all()
