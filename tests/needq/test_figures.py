"""Figures: drawn from tables, the same bytes twice, with intervals, levels and notes in place."""

import math
from xml.etree import ElementTree

import fake_run
import numpy
import pandas
import pytest
from matplotlib.collections import PolyCollection
from needq import columns, figures, metrics, theme


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fake_run.write(folder)

    def read(pattern):
        return metrics.read_chunks(sorted(folder.glob(pattern)))

    degradation = pandas.concat(
        metrics.degradation(
            backend,
            read(f"generate/{backend}/first/*.parquet"),
            read(f"score/{backend}/first/*.texts.parquet"),
            read(f"score/{backend}/first/*.evaluation.parquet"),
        )
        for backend in ("cpu", "cpu64")
    )
    divergence = read("diff/*/*.parquet")
    summary = metrics.divergence_summary(divergence)
    divergence["blocks_replaced"] = divergence["intervention"].map(metrics.blocks_replaced)
    rng = numpy.random.default_rng(0)
    weights = {block: rng.standard_t(4, size=(32, 32)) for block in range(12)}
    noise = {block: rng.normal(size=(32, 32)) for block in range(12)}
    histogram = metrics.histogram(weights, noise, "q-gaussian-0", 0)
    return degradation, summary, divergence, histogram


def drawn(tables, cuda=False):
    degradation, summary, divergence, histogram = tables
    return {
        "degradation": figures.degradation(degradation, 4096, cuda),
        "texts": figures.texts(degradation, cuda),
        "divergence": figures.divergence(summary, divergence, cuda),
        "q_histogram": figures.histogram(histogram),
    }


def words(figure):
    """Every text in a figure."""
    figure.draw_without_rendering()
    return " ".join(
        text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
    )


def test_the_same_bytes_twice_and_readable(tables, tmp_path):
    for name, figure in drawn(tables).items():
        theme.save(figure, tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    for name, figure in drawn(tables).items():
        svg, png = tmp_path / "again.svg", tmp_path / "again.png"
        theme.save(figure, svg, png)
        assert svg.read_bytes() == (tmp_path / f"{name}.svg").read_bytes()
        assert png.read_bytes() == (tmp_path / f"{name}.png").read_bytes()
        root = ElementTree.parse(svg).getroot()
        assert root.tag.endswith("svg") and float(root.get("width").removesuffix("pt")) > 300
        assert b"<dc:date>" not in svg.read_bytes() and b'href="http' not in svg.read_bytes()


def test_lines_are_the_tables_means_and_bands_their_intervals(tables):
    figure = figures.degradation(tables[0], 4096, cuda=True)
    axis = figure.axes[0]
    cpu = tables[0][tables[0]["backend"] == "cpu"]
    numpy.testing.assert_array_equal(axis.lines[0].get_ydata(), cpu["nll"])
    band = axis.findobj(PolyCollection)[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(cpu["nll_low"].min())
    assert band.max() == pytest.approx(cpu["nll_high"].max())
    levels = [line.get_ydata()[0] for line in axis.lines if len(line.get_xdata()) == 2]
    assert sorted(levels) == pytest.approx([cpu["nll"].iloc[0], math.log(4096)])


def test_what_was_not_run_is_said(tables):
    for name, figure in drawn(tables, cuda=False).items():
        assert ("CUDA: not run" in words(figure)) == (name != "q_histogram")
    for figure in drawn(tables, cuda=True).values():
        assert "not run" not in words(figure)


def test_null_controls_are_drawn_as_such(tables):
    text = words(figures.divergence(tables[1], tables[2], cuda=True))
    assert "cpu twice (null control)" in text and "cpu and cpu64" in text


def test_a_run_of_one_backend_has_nothing_to_compare(tables):
    degradation, summary, divergence, _ = tables
    alone = summary[(summary["left"] == "cpu") & (summary["right"] == "cpu")]
    text = words(figures.divergence(alone, divergence, cuda=False))
    assert "no pair of different backends was run" in text


def test_texts_that_never_differ_are_said_to(tables):
    _, summary, divergence, _ = tables
    same = divergence.assign(first_divergent_token=numpy.nan)
    assert "no text differs" in words(figures.divergence(summary, same, cuda=True))


def test_a_table_without_intervals_is_drawn(tables):
    degradation = tables[0].copy()
    for name in columns.DEGRADATION:
        if name.endswith(("_low", "_high")):
            degradation[name] = numpy.nan
    figure = figures.degradation(degradation, 4096, cuda=True)
    figure.draw_without_rendering()
    assert len(figure.axes[0].lines[0].get_xdata()) == fake_run.BLOCKS + 1


def test_several_sweeps_are_rows_of_panels(tables):
    degradation = tables[0]
    both = pandas.concat([degradation, degradation.assign(sweep="single")])
    figure = figures.degradation(both, 4096, cuda=True)
    assert len(figure.axes) == 6 and "Evaluation text: single" in words(figure)


def test_histogram_is_a_density(tables):
    figure = figures.histogram(tables[3])
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "Block 0",
        "Block 4",
        "Block 7",
        "Block 11",
    ]
    patch = figure.axes[0].patches[0]
    values, edges, _ = patch.get_data()
    area = (values * numpy.diff(edges))[values > 1e-9].sum()
    assert area == pytest.approx(1)


@pytest.mark.parametrize("blocks", [1, 2, 6])
def test_small_models_show_the_blocks_they_have(tables, blocks):
    few = tables[3][tables[3]["block"] < blocks]
    assert len(figures.histogram(few).axes) == min(blocks, 4)
