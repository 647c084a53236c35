"""The figures of the claims: the tables' numbers and half-points, and what is missing."""

import fake_run
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, line, words
from needq.common import columns
from needq.common.keys import TOO_SMALL
from needq.figures import claims as claims_figures
from needq.metrics import degradation as metrics
from needq.metrics.task_summary import tasks_table

CHANCES = {"grammar": 0.5, "cloze": 0.25}


@pytest.fixture(scope="module")
def article(fake_folder):
    """`degradation.tsv` of the article's sweep."""
    return metrics.degradation_table("cpu", *fake_run.stages(fake_folder, "cpu"))


@pytest.fixture(scope="module")
def tasks(fake_folder):
    """`tasks.tsv` of the article's sweep."""
    answers = fake_run.read(fake_folder, "score/cpu/first/*.tasks.parquet")
    return tasks_table({"cpu": answers[answers["sweep"] == "cumulative"]})


@pytest.fixture(scope="module")
def single(article):
    """`degradation.tsv` of single blocks: block 7 costs most."""
    rise = numpy.array([0, *[0.1] * 7, 0.3, *[0.1] * 4])
    return as_single(article).assign(rise=rise, rise_low=rise * 0.8, rise_high=rise * 1.5)


@pytest.fixture(scope="module")
def single_tasks(tasks):
    """`tasks.tsv` of single blocks: block 3 costs half of the margin of inference."""
    parts = []
    for task, lost in (("grammar", [0.05] * 12), ("cloze inference", [0.1] * 3 + [0.5] + [0] * 8)):
        kept = 1 - numpy.array([0, *lost])
        own = as_single(tasks[tasks["task"] == task].sort_values("blocks_replaced"))
        parts.append(own.assign(kept=kept, kept_low=kept - 0.1, kept_high=kept + 0.2))
    return pandas.concat(parts)


@pytest.fixture(scope="module")
def single_labels(article):
    """`labels.tsv` of single blocks: with block 4 replaced, 12 of 80 texts lose their meaning."""
    near = numpy.array([1.0] * 5 + [0.85] + [1.0] * 7)
    base = as_single(article)[["sweep", "intervention", "block", "blocks_replaced", "backend"]]
    rows = [
        base.assign(label=label, share=share, share_low=share - 0.05, share_high=share + 0.01)
        for label, share in (("near normal", near), ("meaning lost", 1 - near))
    ]
    return pandas.concat(rows).assign(texts=80)


def as_single(table):
    """The rows of thirteen cumulative steps as those of single blocks."""
    return table.assign(
        sweep="single",
        intervention=["q/single/none", *(f"q/single/{block:02d}" for block in range(12))],
        block=[None, *range(12)],
        blocks_replaced=[0] + [1] * 12,
    )


def half_points_table(grammar=(8.0, 7.0, 9.5), inference=(4.0, 3.5, numpy.inf)):
    """`half_points.tsv` of these half-points of margins, each with its interval."""
    points = {"grammar": grammar, "cloze inference": inference, "cloze copying": (5.0, 4.0, 6.0)}
    rows = [(f"half-point of the {task} margin", *ends, None) for task, ends in points.items()]
    rows.append(("shape", numpy.nan, None, None, "smooth"))
    return pandas.DataFrame(rows, columns=list(columns.HALF_POINTS))


def draw(tasks, table=None, cuda=True):
    table = half_points_table() if table is None else table
    return claims_figures.draw_half_points(tasks, table, CHANCES, cuda)


def test_the_same_bytes_twice(tasks, single, single_tasks, single_labels, tmp_path):
    def draw_all():
        return {
            "half_points": draw(tasks),
            "single": claims_figures.draw_single_blocks(single, single_tasks, single_labels, False),
        }

    assert_same_bytes(draw_all, tmp_path)


def test_accuracies_and_margins_are_those_of_the_table(tasks):
    raw, scaled, _ = draw(tasks).axes
    for name, label in claims_figures.TASKS.items():
        own = tasks[tasks["task"] == name]
        label = f"{label}: {own['items'].iloc[0]} items"
        numpy.testing.assert_array_equal(line(raw, label).get_ydata(), own["accuracy"])
        numpy.testing.assert_array_equal(line(scaled, label).get_ydata(), own["kept"])
        assert line(scaled, label).get_ydata()[0] == 1
    levels = [one.get_ydata()[0] for one in raw.lines if len(one.get_xdata()) == 2]
    assert levels == [0.5, 0.25]
    bands = [band.get_paths()[0].vertices[:, 1] for band in raw.collections]
    lowest = tasks.loc[tasks["task"] == "grammar", "accuracy_low"].min()
    assert bands[0].min() == pytest.approx(lowest)


def test_half_points_have_intervals_and_an_arrow_where_they_do_not_end(tasks):
    figure = draw(tasks)
    grammar, at_grammar, inference, arrow, at_inference = figure.axes[2].lines[:5]
    assert grammar.get_xdata().tolist() == [7, 9.5]
    assert at_grammar.get_xdata() == [8]
    assert inference.get_xdata()[0] == 3.5
    assert inference.get_xdata()[1] > 12
    assert arrow.get_marker() == ">"
    assert at_inference.get_xdata() == [4]
    said = "lost with this many blocks: grammar 8.0, inference 4.0, copying 5.0"
    assert said in words(figure)


def test_one_seed_has_half_points_without_intervals(tasks):
    few = half_points_table((8.0, TOO_SMALL, TOO_SMALL), (4.0, TOO_SMALL, TOO_SMALL))
    one = tasks.assign(
        noise_seeds=1, **{name: numpy.nan for name in tasks if name.endswith(("_low", "_high"))}
    )
    figure = draw(one, few)
    assert [one.get_xdata()[0] for one in figure.axes[2].lines][:2] == [8, 4]
    assert TOO_SMALL in words(figure)


def test_half_points_that_do_not_exist_are_said(tasks):
    figure = draw(tasks, half_points_table((numpy.inf,) * 3, (numpy.nan,) * 3), cuda=False)
    text = words(figure)
    assert "grammar not with 12, inference from the start, copying 5.0" in text
    assert "not in this sweep" in text
    least = draw(tasks, half_points_table((numpy.inf, 8.6, numpy.inf), (4.0, 3.5, 4.5)))
    assert "not in this sweep (8.6 or more)" in words(least)
    assert "CUDA: not run" in text


def test_tasks_without_items_have_no_line(tasks):
    some = draw(tasks[tasks["task"] == "grammar"])
    assert len(some.axes[0].lines) == 3  # with the levels of guessing
    assert "no item was asked" in words(draw(tasks[:0]))


def test_single_blocks_have_bars_and_intervals(single, single_tasks, single_labels):
    figure = claims_figures.draw_single_blocks(single, single_tasks, single_labels, cuda=True)
    rise, lost, texts = figure.axes
    heights = [bar.get_height() for bar in rise.patches]
    assert heights == single["rise"].iloc[1:].tolist()
    segments = rise.collections[0].get_segments()
    assert segments[7][:, 1].tolist() == pytest.approx([0.24, 0.45])
    text = words(figure)
    assert "Replacing block 7 costs most: 0.3 nats per token, 21% of the sum" in text
    heights = [bar.get_height() for bar in lost.patches]
    assert heights == pytest.approx([0.05] * 12 + [0.1] * 3 + [0.5] + [0] * 8)
    assert lost.collections[1].get_segments()[3][:, 1].tolist() == pytest.approx([0.3, 0.6])
    assert "one block costs 5% on grammar (block 0) and 50% on inference (block 3)" in text

    assert texts.lines[0].get_ydata().tolist() == [1.0] * 4 + [0.85] + [1.0] * 7
    assert texts.collections[0].get_segments()[4][:, 1].tolist() == pytest.approx([0.8, 0.86])
    assert "With block 4, only 85% of 80 texts are near normal" in text


def test_without_labels_single_blocks_have_no_panel_of_texts(single, single_tasks, single_labels):
    unknown = single_labels.assign(label="unlabelled", share=1.0)
    for shares in (single_labels[:0], unknown):
        figure = claims_figures.draw_single_blocks(single, single_tasks, shares, cuda=True)
        assert len(figure.axes) == 2
        assert figure.axes[1].get_xlabel() == "index of the single block replaced"
    every = single_labels[single_labels["label"] == "near normal"]
    every = every.assign(share=1.0, share_high=1.0)
    figure = claims_figures.draw_single_blocks(single, single_tasks, every, cuda=True)
    assert "Whichever block is replaced, 100% of 80 texts are near normal" in words(figure)


def test_without_a_sweep_of_single_blocks_the_figure_says_so(single, single_tasks, single_labels):
    none = single_labels[:0]
    figure = claims_figures.draw_single_blocks(single[:0], single_tasks[:0], none, cuda=True)
    assert "no sweep of single blocks" in words(figure)
    figure = claims_figures.draw_single_blocks(single, single_tasks[:0], none, cuda=True)
    assert "No item was asked" in words(figure)
