"""The figure of the MLP: a line per sweep, by blocks replaced and by block, and changes."""

import pandas
import pytest
from drawn import assert_same_bytes, line, words
from mlp_data import SWEEPS, changes, evaluation
from needq.figures.mlp import draw_mlp
from needq.metrics.mlp import changes_table, mlp_table


@pytest.fixture(scope="module")
def made():
    return mlp_table(evaluation(), SWEEPS), changes_table([changes()])


def titles(figure):
    return [" ".join(axis.get_title("left").split()) for axis in figure.axes]


def test_a_panel_for_cumulative_steps_for_single_blocks_and_for_changes(made):
    figure = draw_mlp(*made)
    cumulative, noise, single, changed = figure.axes
    damage = made[0].set_index("sweep")
    for axis, sweep, name in (
        (cumulative, "query", "W_Q, all noise"),
        (noise, "mlp", "the MLP, all noise"),
        (noise, "query", "W_Q, all noise"),
        (cumulative, "equal", "the MLP, at equal change"),
        (single, "single", "W_Q, all noise"),
        (single, "single_equal", "the MLP, at equal change"),
    ):
        assert line(axis, name).get_ydata().tolist() == damage.loc[sweep, "rise"].tolist()
    assert line(cumulative, "W_Q, all noise").get_xdata().tolist() == [1, 3, 6]
    assert line(single, "W_Q, all noise").get_xdata().tolist() == [0, 1, 2]
    assert line(changed, "W_Q, all noise").get_ydata()[0] == pytest.approx(0.2)
    assert line(changed, "the MLP, all noise").get_ydata()[0] == pytest.approx(0.8)
    assert titles(figure) == [
        "The MLP, at equal change: 2 × the damage of W_Q with 6 blocks replaced",
        "The MLP, all noise: 5.2 × the damage of W_Q with 6 blocks replaced",
        "The MLP, at equal change: 2 × the damage of W_Q, median of single blocks",
        "The MLP, all noise, changes a block's output 4 × as much as W_Q (median)",
    ]
    assert "5 noise seeds and 20 documents" in words(figure)


def test_what_was_not_run_has_no_panel(made):
    damage, measured = made
    of_noise = damage[damage["sweep"].isin(["query", "mlp"])]
    figure = draw_mlp(of_noise, measured[:0])
    [axis] = figure.axes
    assert titles(figure)[0].startswith("The MLP, all noise: 5")
    assert len(axis.get_legend().get_texts()) == 2
    alone = draw_mlp(damage[damage["sweep"] == "mlp"].assign(ratio=None), pandas.DataFrame())
    assert titles(alone) == ["Damage by noise in the MLP and in W_Q"]


def test_the_same_bytes_twice(made, tmp_path):
    assert_same_bytes(lambda: {"mlp": draw_mlp(*made)}, tmp_path)
