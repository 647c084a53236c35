"""The figure of labels: bars that add up, the article's ranges beside them, and nll below."""

import fake_run
import numpy
import pytest
from drawn import assert_same_bytes, line, smallest_letters, words
from needq.common.keys import ALL_LABELS, NONE, UNLABELLED
from needq.figures import labels as label_figures
from needq.metrics import degradation as metrics
from needq.metrics import labels as label_tables
from needq.metrics.labels import article_bands


@pytest.fixture(scope="module")
def tables(fake_folder):
    stages = fake_run.stages(fake_folder, "cpu")
    return label_tables.shares_table({"cpu": stages[-1]}), metrics.degradation_table("cpu", *stages)


def test_the_same_bytes_twice(tables, tmp_path):
    assert_same_bytes(lambda: {"labels": label_figures.draw_labels(*tables, 12, False)}, tmp_path)


def test_letters_are_large_enough_on_a_phone(tables):
    assert smallest_letters(label_figures.draw_labels(*tables, 12, False)) >= 8


def test_bars_are_the_shares_on_top_of_each_other(tables):
    shares, degradation = tables
    axis = label_figures.draw_labels(shares, degradation, 12, cuda=True).axes[1]
    assert [bars.get_label() for bars in axis.containers if hasattr(bars, "patches")] == [
        label for label in ALL_LABELS if label != NONE
    ]
    tops = numpy.zeros(13)
    for bars in (one for one in axis.containers if hasattr(one, "patches")):
        heights = shares.loc[shares["label"] == bars.get_label(), "share"]
        numpy.testing.assert_allclose([bar.get_height() for bar in bars], heights)
        numpy.testing.assert_allclose([bar.get_y() for bar in bars], tops)
        middles = [bar.get_x() + bar.get_width() / 2 for bar in bars]
        numpy.testing.assert_allclose(middles, range(13))
        tops += heights.to_numpy()
    numpy.testing.assert_allclose(tops, 1)


def test_near_normal_has_its_interval_and_the_rise_too(tables):
    shares, degradation = tables
    figure = label_figures.draw_labels(shares, degradation, 12, cuda=True)
    near = shares[shares["label"] == "near normal"]
    (bars,) = [one for one in figure.axes[1].collections if hasattr(one, "get_segments")]
    ends = numpy.array([segment[:, 1] for segment in bars.get_segments()])
    numpy.testing.assert_allclose(ends, near[["share_low", "share_high"]])
    numpy.testing.assert_array_equal(line(figure.axes[2], "rise").get_ydata(), degradation["rise"])
    band = figure.axes[2].collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(degradation["rise_high"].max())


def test_the_article_stands_beside(tables):
    axis = label_figures.draw_labels(*tables, 12, cuda=True).axes[0]
    bars = {(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axis.patches}
    assert bars == {(0.5, 3.5), (3.5, 6.5), (6.5, 9.5), (9.5, 12.5)}
    assert article_bands(30)["noise"] == (23, 30)
    # a model of two blocks has no quarter of its own for two of the labels
    few = label_figures.draw_labels(*tables, 2, cuda=True).axes[0]
    assert [text.get_text() for text in few.texts] == ["meaning lost", "noise"]


def test_the_title_says_what_most_texts_are(tables):
    shares, degradation = tables
    text = words(label_figures.draw_labels(shares, degradation, 12, cuda=False))
    runs = "near normal (0-3 blocks), meaning lost (4-6), repetitive (7-9), noise (10-12)"
    assert f"Most frequent label: {runs}" in text
    assert "5 noise seeds, up to 80 texts per bar" in text
    assert "CUDA: not run" in text
    back_and_forth = degradation.assign(label=["noise", "near normal"] * 6 + ["noise"])
    text = words(label_figures.draw_labels(shares, back_and_forth, 12, cuda=True))
    assert "The most frequent label changes back and forth" in text


def test_texts_without_labels_and_intervals_are_drawn(tables):
    shares, degradation = tables
    none = shares.assign(
        share=(shares["label"] == UNLABELLED).astype(float),
        share_low=numpy.nan,
        share_high=numpy.nan,
    )
    empty = [name for name in degradation if name.endswith(("_low", "_high"))]
    degradation = degradation.assign(label=UNLABELLED, **dict.fromkeys(empty, numpy.nan))
    text = words(label_figures.draw_labels(none, degradation, 12, cuda=True))
    assert "Most frequent label: unlabelled (0-12 blocks)" in text


def test_single_blocks_have_no_ranges_of_the_article(tables):
    steps = ["none", *(f"{block:02d}" for block in range(12))]

    def alone(table):
        blocks = table["blocks_replaced"]
        step = blocks.map(dict(enumerate(steps)))
        return table.assign(
            intervention="q/single/" + step,
            block=(blocks - 1).where(blocks > 0).astype("Int64"),
            blocks_replaced=blocks.clip(upper=1),
        )

    figure = label_figures.draw_labels(*(alone(table) for table in tables), 12, cuda=True)
    assert not figure.axes[0].patches
    assert line(figure.axes[2], "rise").get_xdata().tolist() == list(range(12))
    assert "near normal (0-2 blocks)" in words(figure)


def test_steps_that_leave_blocks_out_are_as_wide_as_they_are_apart(tables):
    shares, degradation = (table[table["blocks_replaced"].isin([0, 3, 6, 12])] for table in tables)
    axis = label_figures.draw_labels(shares, degradation, 12, cuda=True).axes[1]
    assert {round(bar.get_width(), 9) for bar in axis.patches} == {0.86 * 3}
