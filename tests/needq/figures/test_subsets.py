"""The figure of block subsets: what is drawn, and titles that say what is seen."""

import numpy as np
from drawn import assert_whole
from needq.figures.subsets import draw_subsets
from needq.metrics import subsets
from subset_data import made_tables, rows_of


def drawn(tables):
    return draw_subsets(tables["shapley"], tables["interactions"], tables["sizes"])


def title(axis):
    return " ".join(axis.get_title("left").split())


def test_the_three_panels_of_a_model_of_few_blocks():
    made = made_tables()
    figure = drawn(made)
    values, envelope, pairs, bar = figure.axes
    lines = {line.get_label(): line for line in envelope.get_lines()}
    np.testing.assert_allclose(lines["mean of all subsets"].get_ydata(), made["sizes"]["mean"])
    np.testing.assert_allclose(
        lines["first blocks (article)"].get_ydata(), made["sizes"]["in_order"]
    )
    np.testing.assert_allclose(lines["most damaging subset"].get_ydata(), made["sizes"]["most"])
    assert "least damaging" in lines
    alone, together = made["shapley"]["alone"].sum(), made["shapley"]["shapley"].sum()
    assert title(values) == f"Alone, blocks cost {alone:.2f} nats in sum; together {together:.2f}"
    row = made["sizes"].iloc[1]
    assert title(envelope) == (
        f"2 blocks cost {row['least']:.2f} to {row['most']:.2f}: it depends on which"
    )
    assert title(pairs).startswith("Of 6 pairs, 1 cost more together than their sum")
    [mesh] = [one for one in pairs.collections if hasattr(one, "get_coordinates")]
    table = np.ma.filled(mesh.get_array(), np.nan)
    assert np.isnan(np.diag(table)).all()
    assert table[1, 2] == table[2, 1] == made["interactions"]["interaction"].max()
    assert mesh.get_clim()[0] == -mesh.get_clim()[1]
    assert bar.get_ylabel() == "interaction (nats per token)"
    assert "a dot marks a pair" in " ".join(figure.get_supxlabel().split())
    assert_whole(figure)


def test_a_model_of_many_blocks_has_no_map():
    damage = subsets.damage_of(rows_of(lambda s, seed, d: s.bit_count() / 16, 16), 16)
    values = subsets.block_values(damage, 4)
    tables = {
        "shapley": subsets.shapley_table(damage, values),
        "interactions": subsets.interactions_table(damage),
        "sizes": subsets.sizes_table(damage, 4),
    }
    _, envelope = drawn(tables).axes
    assert title(envelope) == "8 blocks cost 0.50 on average, 0.50 from the first"
    labels = [line.get_label() for line in envelope.get_lines()]
    assert "most damaging subset" not in labels


def test_one_noise_seed_has_points_without_intervals():
    values, *_ = drawn(made_tables(seeds=(0,))).axes
    assert len(values.containers) == 2
    assert not any(container.has_yerr for container in values.containers)
