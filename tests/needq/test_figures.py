"""Figures: drawn from tables, the same bytes twice, with intervals, levels and notes in place."""

import math
from xml.etree import ElementTree

import fake_run
import numpy
import pandas
import pytest
from matplotlib.collections import PolyCollection
from needq import columns, divergence_figures, figures, metrics, theme
from needq.causes import CAUSES, NATIVE


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fake_run.write(folder)

    def read(pattern):
        return metrics.read_chunks(sorted(folder.glob(pattern)))

    degradation = pandas.concat(
        metrics.degradation(backend, *fake_run.stages(folder, backend))
        for backend in ("cpu", "cpu64")
    )
    summary = metrics.divergence_summary(read("diff/*/*.parquet"))
    rng = numpy.random.default_rng(0)
    weights = {block: rng.standard_t(4, size=(32, 32)) for block in range(12)}
    noise = {block: rng.normal(size=(32, 32)) for block in range(12)}
    histogram = metrics.histogram(weights, noise, "q-gaussian-0", 0)
    return degradation, summary, histogram


def ledger_table():
    """A ledger of one pair, as metrics.ledger gives it."""
    rows = [{"left": "one", "right": "one", "order": "control", "step": 0, "cause": NATIVE}]
    for order, causes in (("forwards", [*CAUSES]), ("backwards", [*CAUSES][::-1])):
        for step, cause in enumerate([NATIVE, *causes]):
            row = {"left": "one", "right": "two", "order": order, "step": step, "cause": cause}
            row |= {"identical_share": step / 5, "identical_share_low": step / 6}
            row |= {"identical_share_high": 1}
            far = 0 if step == 5 else 10.0**-step
            rows.append(row | {"kl": far**2, "max_abs_logit": far, "texts": 42, "noise_seeds": 2})
    return pandas.DataFrame(rows)


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
        "degradation": figures.degradation(degradation, 4096, cuda),
        "texts": figures.texts(degradation, cuda),
        "divergence": divergence_figures.divergence(summary, cuda),
        "q_histogram": figures.histogram(histogram),
        "ledger": divergence_figures.ledger(ledger_table(), cuda),
        "flips": divergence_figures.flips(*flip_tables(), cuda),
    }


def words(figure):
    """Every text in a figure."""
    figure.draw_without_rendering()
    texts = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return " ".join(" ".join(text.get_text() for text in texts).split())


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
    text = words(divergence_figures.divergence(tables[1], cuda=True))
    assert "null controls (lowest)" in text and "cpu and cpu64" in text


def test_a_run_of_one_backend_has_nothing_to_compare(tables):
    alone = tables[1][tables[1]["left"] == tables[1]["right"]]
    text = words(divergence_figures.divergence(alone, cuda=False))
    assert "no pair of different backends was run" in text


def test_divergence_lines_are_the_tables_means(tables):
    figure = divergence_figures.divergence(tables[1], cuda=True)
    pair = tables[1][tables[1]["left"] != tables[1]["right"]]
    for axis, column in zip(figure.axes, ("identical", "shared"), strict=True):
        numpy.testing.assert_array_equal(axis.lines[0].get_ydata(), pair[column])


def test_the_ledger_has_a_row_of_panels_an_order_and_writes_zeros(tables):
    figure = divergence_figures.ledger(ledger_table(), cuda=True)
    assert len(figure.axes) == 2 * 3
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()][0] == NATIVE
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    numpy.testing.assert_allclose(widths, [0, 0.2, 0.4, 0.6, 0.8, 1])
    assert [text.get_text() for text in figure.axes[1].texts] == ["0"]
    assert "control" not in words(figure)


def test_flips_are_cumulative_and_carry_the_interval(tables):
    figure = divergence_figures.flips(*flip_tables(), cuda=True)
    seen, law = figure.axes[1].lines[:2]
    assert seen.get_ydata()[-1] == 32 and law.get_ydata()[-1] == pytest.approx(42)
    assert "p = 0.6" in words(figure)


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
    figure = figures.histogram(tables[2])
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
    assert len(figures.histogram(few).axes) == min(blocks, 4)
