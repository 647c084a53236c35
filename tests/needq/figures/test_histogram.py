"""The histogram: densities of weights and noise, for a few blocks."""

import fake_tables
import numpy
import pytest
from drawn import assert_same_bytes, words
from needq.figures.histogram import draw_histogram


@pytest.fixture(scope="module")
def table():
    return fake_tables.histogram()


def test_the_same_bytes_twice_without_a_word_on_cuda(table, tmp_path):
    assert_same_bytes(lambda: {"q_histogram": draw_histogram(table)}, tmp_path)
    assert "not run" not in words(draw_histogram(table))


def test_histogram_is_a_density(table):
    figure = draw_histogram(table)
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        f"W_Q of block {block} and noise" for block in (0, 4, 7, 11)
    ]
    patch = figure.axes[0].patches[0]
    values, edges, _ = patch.get_data()
    area = (values * numpy.diff(edges))[values > 1e-9].sum()
    assert area == pytest.approx(1)


@pytest.mark.parametrize("blocks", [1, 2, 6])
def test_small_models_show_the_blocks_they_have(table, blocks):
    few = table[table["block"] < blocks]
    assert len(draw_histogram(few).axes) == min(blocks, 4)
