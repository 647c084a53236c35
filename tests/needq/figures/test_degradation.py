"""Figures: drawn from tables, the same bytes twice, with intervals, levels and notes in place."""

import math

import fake_run
import matplotlib.colors
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from matplotlib.collections import PolyCollection
from needq.common import columns
from needq.common.tables import read_frame
from needq.divergence.summary import summary_table
from needq.figures import degradation as figures
from needq.figures import divergence as divergence_figures
from needq.figures import flips, theme
from needq.figures import histogram as histogram_figure
from needq.metrics import degradation as metrics
from needq.metrics.histogram import histogram_table


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fake_run.write(folder)

    def read(pattern):
        return read_frame(sorted(folder.glob(pattern)))

    degradation = pandas.concat(
        metrics.degradation_table(backend, *fake_run.stages(folder, backend))
        for backend in ("cpu", "cpu64")
    )
    summary = summary_table(read("diff/*/*.parquet"))
    rng = numpy.random.default_rng(0)
    weights = {block: rng.standard_t(4, size=(32, 32)) for block in range(12)}
    noise = {block: rng.normal(size=(32, 32)) for block in range(12)}
    histogram = histogram_table(weights, noise, "q-gaussian-0", 0)
    return degradation, summary, histogram


def flip_tables():
    """What flip_law gives for two backends."""
    tables, places = [], []
    for right, parted in (("keyed32", 0), ("bfloat16", 40)):
        row = {"left": "exact", "right": right, "blocks_replaced": None, "logit_error": 0.01}
        row |= {"texts": 366, "parted": parted, "predicted": 42.0, "predicted_low": 30}
        row |= {"predicted_high": 54, "p_value": 0.6, "place_p_value": 0.3}
        tables += [row, row | {"blocks_replaced": 3}]
        for token in range(32):
            row = {"left": "exact", "right": right, "token": token}
            places.append(row | {"parted": int(token < parted), "predicted": 42 / 32})
    return pandas.DataFrame(tables), pandas.DataFrame(places)


def drawn(tables, cuda=False):
    degradation, summary, histogram = tables
    return {
        "degradation": figures.draw_evaluation(degradation, 4096, "cpu", cuda),
        "texts": figures.draw_texts(degradation, cuda),
        "divergence": divergence_figures.draw_divergence(summary, cuda),
        "q_histogram": histogram_figure.draw_histogram(histogram),
        "flips": flips.draw_flips(*flip_tables(), cuda),
    }


def test_the_same_bytes_twice_and_readable(tables, tmp_path):
    assert_same_bytes(lambda: drawn(tables), tmp_path)


def test_lines_are_the_tables_means_and_bands_their_intervals(tables):
    figure = figures.draw_evaluation(tables[0], 4096, "cpu", cuda=True)
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
    text = words(divergence_figures.draw_divergence(tables[1], cuda=True))
    assert "null controls (lowest)" in text and "cpu and cpu64" in text


def test_a_run_of_one_backend_has_nothing_to_compare(tables):
    alone = tables[1][tables[1]["left"] == tables[1]["right"]]
    text = words(divergence_figures.draw_divergence(alone, cuda=False))
    assert "no pair of different backends was run" in text


def test_divergence_lines_are_the_tables_means(tables):
    figure = divergence_figures.draw_divergence(tables[1], cuda=True)
    pair = tables[1][tables[1]["left"] != tables[1]["right"]]
    for axis, column in zip(figure.axes, ("identical", "shared"), strict=True):
        numpy.testing.assert_array_equal(axis.lines[0].get_ydata(), pair[column])


def test_flips_are_cumulative_and_carry_the_interval(tables):
    figure = flips.draw_flips(*flip_tables(), cuda=True)
    seen, law = figure.axes[1].lines[:2]
    assert seen.get_ydata()[-1] == 32 and law.get_ydata()[-1] == pytest.approx(42)
    assert "p = 0.6" in words(figure)


def test_a_table_without_intervals_is_drawn(tables):
    degradation = tables[0].copy()
    for name in columns.DEGRADATION:
        if name.endswith(("_low", "_high")):
            degradation[name] = numpy.nan
    figure = figures.draw_evaluation(degradation, 4096, "cpu", cuda=True)
    figure.draw_without_rendering()
    assert len(figure.axes[0].lines[0].get_xdata()) == fake_run.BLOCKS + 1


def test_several_sweeps_are_columns_of_panels(tables):
    degradation = tables[0]
    both = pandas.concat([degradation, degradation.assign(sweep="second", nll=lambda t: t.nll + 1)])
    figure = figures.draw_evaluation(both, 4096, "cpu", cuda=True)
    assert len(figure.axes) == 6 and "Evaluation text: second" in words(figure)
    first, second = (axis.lines[0].get_ydata() for axis in figure.axes[:2])
    numpy.testing.assert_allclose(second, first + 1)


def test_sweeps_without_texts_are_left_out(tables):
    degradation = tables[0]
    scored = degradation.assign(sweep="keys", texts=0, label=numpy.nan, text_nll=numpy.nan)
    both = pandas.concat([degradation, scored])
    assert len(figures.draw_evaluation(both, 4096, "cpu", cuda=True).axes) == 3
    assert len(figures.draw_texts(both, cuda=True).axes) == 3


def test_the_background_is_what_most_texts_of_the_reference_are(tables):
    other = tables[0].copy()
    other.loc[other["backend"] == "cpu64", "label"] = "noise"
    figure = figures.draw_evaluation(other, 4096, "cpu", cuda=True)
    spans = {
        patch.get_x(): patch.get_facecolor()[:3]
        for patch in figure.axes[1].patches
        if patch.get_height() == 1
    }
    assert list(spans) == [-0.5, *(blocks + 0.5 for blocks in range(12))]
    colours = {label: matplotlib.colors.to_rgb(one) for label, one in theme.LABELS.items()}
    # as fake_run's labels: near normal for 0 to 3 blocks, then the article's quarters
    assert spans[2.5] == colours["near normal"] and spans[3.5] == colours["meaning lost"]
    assert spans[11.5] == colours["noise"]
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["near normal", "meaning lost", "repetitive", "noise"]


def test_single_blocks_stand_at_their_block(tables):
    part = tables[0][tables[0]["backend"] == "cpu"]
    steps = ["none", *(f"{block:02d}" for block in range(12))]
    single = part.assign(
        intervention=[f"q/single/{step}" for step in steps],
        block=[None, *range(12)],
        blocks_replaced=[0] + [1] * 12,
        sweep="single",
    )
    figure = figures.draw_evaluation(single, 4096, "cpu", cuda=True)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == list(range(12))
    numpy.testing.assert_array_equal(line.get_ydata(), part["nll"].iloc[1:])
    assert "the one block replaced" in words(figure)


def test_histogram_is_a_density(tables):
    figure = histogram_figure.draw_histogram(tables[2])
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
    few = tables[2][tables[2]["block"] < blocks]
    assert len(histogram_figure.draw_histogram(few).axes) == min(blocks, 4)
