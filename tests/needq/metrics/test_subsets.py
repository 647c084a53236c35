"""The tables of block subsets, against loops over the rows that they are made of."""

from itertools import combinations

import numpy as np
import pandas
import pytest
from needq.common import published, schemas, subset_columns, tables
from needq.metrics import subsets
from needq.metrics.statistics import mean_of_crossed
from subset_data import backed_up, made_tables, rows_of

ROWS = rows_of(backed_up(4), 4)
DAMAGE = subsets.damage_of(ROWS, 4)
TABLES = made_tables()


def rise(blocks, seed=None):
    """The mean rise of nll over documents (and noise seeds), by the rows alone."""
    rows = ROWS if seed is None else ROWS[ROWS["noise_seed"] == seed]
    number = sum(2**block for block in blocks)
    nll = rows.groupby("subset")["nll"].mean()
    return nll[number] - nll[0]


def test_tables_have_their_columns():
    names = {"shapley": "shapley", "interactions": "interactions", "sizes": "subset_sizes"}
    for name, known in (names | {"summary": "subsets"}).items():
        assert list(TABLES[name]) == list(subset_columns.TABLES[known])


def test_values_sum_to_the_damage_of_all_blocks():
    values = subsets.block_values(DAMAGE, 4)
    assert values.shape == (5, 6, 4)
    np.testing.assert_allclose(values.sum(2), DAMAGE.of(15), atol=1e-9)
    table = TABLES["shapley"].set_index("block")
    assert table["shapley"].sum() == pytest.approx(rise(range(4)), abs=1e-9)
    for block in range(4):
        assert table.loc[block, "alone"] == pytest.approx(rise([block]))
        others = [other for other in range(4) if other != block]
        assert table.loc[block, "last"] == pytest.approx(rise(range(4)) - rise(others))
        interval = mean_of_crossed(values[:, :, block])
        assert table.loc[block, "shapley_low"] == interval.low < table.loc[block, "shapley"]
        assert table.loc[block, "shapley_high"] == interval.high
    assert table.loc[1, "shapley"] == pytest.approx(table.loc[2, "shapley"], rel=0.05)
    assert table.loc[1, "alone"] < 0.1 < table.loc[1, "shapley"]


def test_pairs_that_back_each_other_up_are_found():
    table = TABLES["interactions"].set_index(["block", "other_block"])
    assert list(table.index) == list(combinations(range(4), 2))
    assert table.loc[(1, 2), "interaction_low"] > 0.8
    others = table.drop((1, 2))
    assert others["interaction"].abs().max() < 0.02


def test_least_and_most_of_each_size():
    table = TABLES["sizes"].set_index("blocks_replaced")
    assert list(table.index) == [1, 2, 3, 4]
    for size in range(1, 5):
        of_size = {blocks: rise(blocks) for blocks in combinations(range(4), size)}
        row = table.loc[size]
        assert row["subsets"] == len(of_size)
        assert row["mean"] == pytest.approx(np.mean(list(of_size.values())))
        assert row["in_order"] == pytest.approx(of_size[tuple(range(size))])
        for name, choose in (("least", min), ("most", max)):
            chosen = choose(of_size, key=of_size.get)
            assert row[name] == pytest.approx(of_size[chosen])
            assert row[f"{name}_blocks"] == " ".join(map(str, chosen))
    assert table.loc[2, "most_blocks"] == "1 2"


def test_the_luck_of_the_choice_is_left_out():
    """All subsets of a size do the same damage: the least is chosen by chance alone."""
    rng = np.random.default_rng(0)
    drawn = {}

    def chance(subset, seed, document):
        if subset in (0, 15):
            return float(subset > 0)
        return drawn.setdefault((subset, seed), subset.bit_count() / 4 + rng.normal() / 10)

    found = subsets.damage_of(rows_of(chance, 4), 4)
    row = subsets.sizes_table(found, 4).set_index("blocks_replaced").loc[2]
    assert row["least"] < 0.47
    assert row["most"] > 0.53
    expected = {"least": [], "most": []}
    for seed in range(5):
        two = [s for s in range(16) if s.bit_count() == 2]
        others = {s: np.mean([drawn[s, o] for o in range(5) if o != seed]) for s in two}
        expected["least"].append(drawn[min(two, key=others.get), seed])
        expected["most"].append(drawn[max(two, key=others.get), seed])
    for name, values in expected.items():
        assert row[f"{name}_held_out"] == pytest.approx(np.mean(values))


def test_the_summary():
    table = TABLES["summary"].set_index("measure")
    whole = table.loc["damage of all blocks"]
    assert whole["estimate"] == pytest.approx(rise(range(4)))
    assert whole["low"] < whole["estimate"] < whole["high"]
    alone = table.loc["sum of the damages of single blocks", "estimate"]
    assert alone == pytest.approx(sum(rise([block]) for block in range(4)))
    number = table.loc["effective number of blocks"]
    d = np.array([0.05, 0.45, 0.45, 0.05])
    assert number["estimate"] == pytest.approx(d.sum() ** 2 / (d**2).sum(), rel=0.05)
    pairs = TABLES["interactions"]["interaction"]
    for sign, word in ((1, "above"), (-1, "below")):
        row = table.loc[f"sum of the interactions {word} 0"]
        assert row["estimate"] == pytest.approx(pairs[sign * pairs > 0].sum())
        assert np.isnan(row["low"])


def test_one_noise_seed_has_no_interval():
    made = made_tables(seeds=(3,))
    assert made["shapley"]["shapley"].sum() == pytest.approx(rise(range(4), 3))
    assert made["shapley"][["shapley_low", "alone_high", "last_low"]].isna().all(axis=None)
    assert made["sizes"]["least_held_out"].isna().all()
    assert made["summary"]["low"].isna().all()


def test_values_can_be_read_back(tmp_path):
    values = subsets.block_values(DAMAGE, 4)
    rows = subsets.value_rows(DAMAGE, values)
    tables.write_rows(tmp_path / "values.parquet", rows, schemas.SHAPLEY)
    read = tables.read_frame([tmp_path / "values.parquet"])
    assert (subsets.values_of(read.sample(frac=1, random_state=0)) == values).all()


@pytest.mark.parametrize("n_blocks", [4, 15])
def test_tables_can_be_read_back(tmp_path, n_blocks):
    made = made_tables(n_blocks, seeds=(0, 1))
    names = {"shapley": "shapley", "interactions": "interactions", "sizes": "subset_sizes"}
    for name, known in (names | {"summary": "subsets"}).items():
        file = tmp_path / f"{known}.tsv"
        tables.write_table(file, made[name], tables.MEASURED)
        read = published.read_table(file)
        assert list(read) == list(made[name])
        assert len(read) == len(made[name])
        for column in read:
            if column.endswith("_blocks") or column == "measure":
                assert read[column].dropna().tolist() == made[name][column].dropna().tolist()
            else:
                np.testing.assert_allclose(
                    read[column].astype(float), made[name][column].astype(float), rtol=1e-5
                )


def additive(alone):
    return lambda subset, seed, document: sum(
        value * (1 + seed / 10) for block, value in enumerate(alone) if subset >> block & 1
    )


def test_many_blocks_are_sampled():
    alone = np.linspace(0, 1, 16)
    found = subsets.damage_of(rows_of(additive(alone), 16, seeds=(0, 1, 2), permutations=6), 16)
    values = subsets.block_values(found, 6)
    assert values.shape == (3, 6, 16)
    np.testing.assert_allclose(values, values[:, :1].repeat(6, axis=1), atol=1e-12)
    np.testing.assert_allclose(values.mean((0, 1)), alone * 1.1, atol=1e-12)
    assert subsets.interactions_table(found).empty
    sizes = subsets.sizes_table(found, 6)
    assert sizes["subsets"].tolist() == [6] * 16
    assert sizes[["least", "least_blocks", "most", "most_blocks"]].isna().all(axis=None)
    # an order and its reverse together hold as much with k blocks as with all but k
    paired = sizes["mean"].to_numpy()[:-1] + sizes["mean"].to_numpy()[-2::-1]
    np.testing.assert_allclose(paired, alone.sum() * 1.1)
    assert sizes["in_order"].iloc[2] == pytest.approx(alone[:3].sum() * 1.1)
    summary = subsets.summary_table(found, values, subsets.interactions_table(found))
    assert len(summary) == 3


def test_intervals_of_sampled_values_hold_what_chance_does_to_the_orders():
    """Blocks that back each other up: each order shares their damage in another way."""
    n, covered, trials = 16, 0, 40

    def backing(subset, seed, document):
        return (subset.bit_count() / n) ** 4 * (1 + 0.5 * (subset & 1))

    truth = None
    for trial in range(trials):
        seeds = tuple(range(5 * trial, 5 * trial + 5))
        rows = rows_of(backing, n, seeds=seeds, documents=2, permutations=4)
        table = subsets.shapley_table(
            found := subsets.damage_of(rows, n), subsets.block_values(found, 4)
        )
        if truth is None:
            truth = _value_of_block_0(n)
        row = table.iloc[0]
        covered += row["shapley_low"] <= truth <= row["shapley_high"]
    assert covered / trials >= 0.85


def _value_of_block_0(n):
    """Its Shapley value in `backing`: its place in an order is each of n with the same chance."""
    added = [
        ((before + 1) / n) ** 4 * 1.5 - (before / n) ** 4  # block 0 comes after `before` blocks
        for before in range(n)
    ]
    return np.mean(added)


def test_rows_may_come_in_any_order_and_as_nullable_integers():
    typed = ROWS.astype({"noise_seed": "Int64", "subset": "Int64", "document": "Int64"})
    again = subsets.damage_of(typed.sample(frac=1, random_state=1), 4)
    assert again.noise_seeds == DAMAGE.noise_seeds
    np.testing.assert_array_equal(again.everything, DAMAGE.everything)
    assert pandas.api.types.is_integer_dtype(TABLES["shapley"]["block"])
