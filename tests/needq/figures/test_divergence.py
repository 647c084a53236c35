"""The figure of divergence: lines are the table's means, and repeats are drawn as such."""

import fake_run
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from needq.divergence.summary import summary_table
from needq.figures.divergence import draw_divergence


@pytest.fixture(scope="module")
def summary(fake_folder):
    return summary_table(fake_run.read(fake_folder, "diff/*/*.parquet"))


def test_the_same_bytes_twice(summary, tmp_path):
    assert_same_bytes(lambda: {"divergence": draw_divergence(summary, False)}, tmp_path)


@pytest.mark.parametrize(("cuda", "said"), [(True, False), (False, True)])
def test_what_was_not_run_is_said(summary, cuda, said):
    assert ("CUDA: not run" in words(draw_divergence(summary, cuda))) == said


def test_repeats_are_drawn_as_such(summary):
    text = words(draw_divergence(summary, cuda=True))
    assert "repeats (lowest)" in text
    assert "cpu and cpu_float64" in text


def test_a_run_of_one_backend_has_nothing_to_compare(summary):
    alone = summary[summary["left"] == summary["right"]]
    text = words(draw_divergence(alone, cuda=False))
    assert "no pair of different backends was run" in text


def test_divergence_lines_are_the_tables_means(summary):
    figure = draw_divergence(summary, cuda=True)
    pair = summary[summary["left"] != summary["right"]]
    for axis, column in zip(figure.axes, ("identical", "common_prefix_share"), strict=True):
        numpy.testing.assert_array_equal(axis.lines[0].get_ydata(), pair[column])


def test_titles_say_how_many_texts_are_identical_and_where_others_diverge(summary):
    pair = summary[summary["left"] != summary["right"]]
    text = words(draw_divergence(summary, cuda=True))
    for column, title in (
        ("identical", "Identical texts"),
        ("common_prefix_share", "Share of a text before it diverges"),
    ):
        mean = numpy.average(pair[column], weights=pair["texts"])
        assert f"{title}: {mean:.0%}" in text
    other = pair.assign(right="third", identical=1.0, common_prefix_share=1.0)
    both = words(draw_divergence(pandas.concat([summary, other]), cuda=True))
    mean = numpy.average(pair["identical"], weights=pair["texts"])
    assert f"Identical texts: {mean:.0%} to 100%, by pair" in both
