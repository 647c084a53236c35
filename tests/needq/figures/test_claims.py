"""The figures of the claims: the tables' numbers, ratios and half-points, and what is missing."""

import fake_run
import numpy
import pandas
import pytest
from drawn import assert_same_bytes, line, words
from needq.common import columns
from needq.common.keys import TOO_SMALL
from needq.figures import claims as claims_figures
from needq.metrics import degradation as metrics

CHANCES = {"grammar": 0.5, "cloze": 0.25}
COMPARED = {"q": "cumulative", "k": "keys", "v": "values", "end": "from_end", "zero": "zero"}


@pytest.fixture(scope="module")
def article(fake_folder):
    """`degradation.tsv` of the article's sweep."""
    return metrics.degradation_table("cpu", *fake_run.stages(fake_folder, "cpu"))


@pytest.fixture(scope="module")
def sweeps(article):
    """The same with a sweep for each comparison, of fewer steps, each of a known multiple of
    damage.
    """
    some = article[article["blocks_replaced"].isin([0, 1, 3, 6, 9, 12])]
    others = [
        some.assign(sweep=COMPARED[kind], rise=times * some["rise"])
        for kind, times in {"k": 1, "v": 1.5, "end": 0.25, "zero": 2}.items()
    ]
    return pandas.concat([article, *others], ignore_index=True)


@pytest.fixture(scope="module")
def single(article):
    """`degradation.tsv` of single blocks: block 7 costs most."""
    rise = numpy.array([0, *[0.1] * 7, 0.3, *[0.1] * 4])
    return article.assign(
        sweep="single",
        intervention=["q/single/none", *(f"q/single/{block:02d}" for block in range(12))],
        block=[None, *range(12)],
        blocks_replaced=[0] + [1] * 12,
        rise=rise,
        rise_low=rise * 0.8,
        rise_high=rise * 1.5,
    )


def half_points_table(grammar=(8.0, 7.0, 9.5), cloze=(4.0, 3.5, numpy.inf)):
    """`half_points.tsv` of these half-points, each with its interval."""
    rows = [("half-point of grammar", *grammar, None), ("half-point of cloze", *cloze, None)]
    rows.append(("shape", numpy.nan, None, None, "smooth"))
    return pandas.DataFrame(rows, columns=list(columns.HALF_POINTS))


def draw(article, table=None, cuda=True):
    table = half_points_table() if table is None else table
    return claims_figures.draw_half_points(article, table, CHANCES, cuda)


def test_the_same_bytes_twice(article, sweeps, single, tmp_path):
    def draw_all():
        return {
            "half_points": draw(article),
            "comparisons": claims_figures.draw_comparisons(sweeps, COMPARED, False),
            "single": claims_figures.draw_single_blocks(single, False),
        }

    assert_same_bytes(draw_all, tmp_path)


def test_accuracies_are_drawn_as_they_are_and_from_one_to_zero(article):
    raw, scaled, _ = draw(article).axes
    for name, label in claims_figures.TASKS.items():
        numpy.testing.assert_array_equal(line(raw, label).get_ydata(), article[name])
        kept = (article[name] - CHANCES[name]) / (article[name].iloc[0] - CHANCES[name])
        numpy.testing.assert_allclose(line(scaled, label).get_ydata(), kept)
        assert line(scaled, label).get_ydata()[0] == 1
    levels = [one.get_ydata()[0] for one in raw.lines if len(one.get_xdata()) == 2]
    assert levels == [0.5, 0.25]
    bands = [band.get_paths()[0].vertices[:, 1] for band in raw.collections]
    assert bands[0].min() == pytest.approx(article["grammar_low"].min())


def test_half_points_have_intervals_and_an_arrow_where_they_do_not_end(article):
    figure = draw(article)
    grammar, at_grammar, cloze, arrow, at_cloze = figure.axes[2].lines
    assert grammar.get_xdata().tolist() == [7, 9.5]
    assert at_grammar.get_xdata() == [8]
    assert cloze.get_xdata()[0] == 3.5
    assert cloze.get_xdata()[1] > 12
    assert arrow.get_marker() == ">"
    assert at_cloze.get_xdata() == [4]
    assert "Half-points (blocks replaced): grammar 8.0, cloze 4.0" in words(figure)


def test_one_seed_has_half_points_without_intervals(article):
    few = half_points_table((8.0, TOO_SMALL, TOO_SMALL), (4.0, TOO_SMALL, TOO_SMALL))
    one = article.assign(
        noise_seeds=1, **{name: numpy.nan for name in article if name.endswith(("_low", "_high"))}
    )
    figure = draw(one, few)
    assert [one.get_xdata()[0] for one in figure.axes[2].lines] == [8, 4]
    assert TOO_SMALL in words(figure)


def test_half_points_that_do_not_exist_are_said(article):
    none = half_points_table((numpy.inf,) * 3, (numpy.nan,) * 3)
    figure = draw(article.assign(cloze=0.2), none, cuda=False)
    text = words(figure)
    assert "grammar never, cloze from the start" in text
    assert "not in this sweep" in text
    assert "CUDA: not run" in text
    assert not figure.axes[2].lines


def test_comparisons_are_the_tables_and_their_ratios_of_damage(sweeps):
    figure = claims_figures.draw_comparisons(sweeps, COMPARED, cuda=True)
    matrices, orders, methods = figure.axes
    for axis, label, sweep in (
        (matrices, "W_Q", "cumulative"),
        (matrices, "W_V: 1.50 ×", "values"),
        (orders, "from the last block on: 0.25 ×", "from_end"),
        (methods, "zeros: 2.00 ×", "zero"),
    ):
        expected = sweeps.loc[sweeps["sweep"] == sweep, "rise"]
        numpy.testing.assert_array_equal(line(axis, label).get_ydata(), expected)
    text = words(figure)
    assert "Another matrix does 1.00 to 1.50 × the damage of W_Q" in text
    assert "Another order of blocks does 0.25 × the damage" in text
    assert "W_O" not in text


def test_comparisons_that_were_not_run_have_no_panel(sweeps):
    only = {kind: COMPARED[kind] for kind in ("q", "end")}
    assert len(claims_figures.draw_comparisons(sweeps, only, cuda=True).axes) == 1
    nothing = claims_figures.draw_comparisons(sweeps, {"q": "cumulative"}, cuda=False)
    assert "no sweep to compare was run" in words(nothing)


def test_single_blocks_have_bars_and_intervals(single):
    figure = claims_figures.draw_single_blocks(single, cuda=True)
    axis = figure.axes[0]
    heights = [bar.get_height() for bar in axis.patches]
    assert heights == single["rise"].iloc[1:].tolist()
    segments = axis.collections[0].get_segments()
    assert segments[7][:, 1].tolist() == pytest.approx([0.24, 0.45])
    assert "Replacing block 7 costs most: 0.3 nats, 21% of the sum over all blocks" in words(figure)


def test_without_a_sweep_of_single_blocks_the_figure_says_so(single):
    assert "no sweep of single blocks" in words(
        claims_figures.draw_single_blocks(single[:0], cuda=True)
    )
