"""The table of probes, by sums and loops, and its intervals where nothing can be read."""

import numpy as np
import pandas
import pytest
from needq.metrics.probe_table import cells, mean, probes_table
from needq.metrics.probes import Task, probe
from scipy.stats import t

DOCUMENTS, SEEDS, CLASSES = 20, 4, 4


def made_up(rng, name="last name", documents=DOCUMENTS, size=2000):
    """Items of one property, and the task that they are."""
    document = np.sort(rng.integers(documents, size=size))
    words = rng.integers(80, size=size)
    target = rng.integers(CLASSES, size=size).astype(float)
    control = rng.integers(CLASSES, size=80)[words].astype(float)
    if name == "position":
        target, control = rng.uniform(1, 200, size), rng.uniform(size=80)[words]
    task = Task(name, document, np.arange(size), document % 2, target, control)
    items = {"property": name, "document": document, "target": target, "control": control}
    return pandas.DataFrame(items), task


def probed(task, streams):
    """Rows of schemas.PROBES: `streams` are by (blocks replaced, noise seed, layer)."""
    rows = [
        {"sweep": "s", "intervention": f"q/s/{count:02d}", "blocks_replaced": count}
        | {"noise_seed": seed, "layer": layer, **row}
        for (count, seed, layer), x in streams.items()
        for row in probe(task, x)
    ]
    return pandas.DataFrame(rows).astype({"noise_seed": "Int64"})


@pytest.fixture(scope="module")
def made():
    """A task with a planted feature of which noise takes a part; its rows, and its table."""
    rng = np.random.default_rng(3)
    items, task = made_up(rng)
    feature = rng.normal(size=(CLASSES, 6))[task.target.astype(int)]
    streams = {(0, None, 0): rng.normal(size=(2000, 6)), (0, None, 1): 0 * feature}
    streams[0, None, 1] = 2 * feature + rng.normal(size=(2000, 6))
    for seed in range(SEEDS):
        streams[3, seed, 0] = streams[0, None, 0]
        streams[3, seed, 1] = feature + (1 + seed / 4) * rng.normal(size=(2000, 6))
    rows = probed(task, streams)
    return items, rows, probes_table(items, rows)


def test_a_row_for_each_layer_and_intervention(made):
    _, _, table = made
    found = table[["intervention", "blocks_replaced", "layer", "noise_seeds"]].to_records(False)
    assert found.tolist() == [
        ("q/s/00", 0, 0, 0),
        ("q/s/00", 0, 1, 0),
        ("q/s/03", 3, 0, SEEDS),
        ("q/s/03", 3, 1, SEEDS),
    ]
    assert set(table["measure"]) == {"accuracy"}
    assert set(table["documents"]) == {DOCUMENTS}


def test_accuracies_are_sums_over_all_items(made):
    items, rows, table = made
    keys = ["blocks_replaced", "layer"]
    for key, part in rows.groupby(keys):
        row = table.set_index(keys).loc[key]
        by_seed = part.groupby("noise_seed", dropna=False)[["score", "score_of", "control"]].sum()
        assert row["score"] == pytest.approx((by_seed["score"] / by_seed["score_of"]).mean())
        assert row["control"] == pytest.approx((by_seed["control"] / 2000).mean())
        assert row["selectivity"] == pytest.approx(row["score"] - row["control"])
        assert row["score_low"] < row["score"] < row["score_high"]
    counts = items["target"].value_counts()
    assert table["majority"].iloc[0] == pytest.approx(counts.max() / 2000)
    counts = items["control"].value_counts()
    assert table["control_majority"].iloc[0] == pytest.approx(counts.max() / 2000)


def test_changes_are_from_the_pristine_model_at_the_same_layer(made):
    table = made[2].set_index(["blocks_replaced", "layer"])
    assert table.loc[0, "change"].isna().all()
    assert table.loc[(3, 0), "change"] == pytest.approx(0, abs=1e-12)
    change = table.loc[(3, 1)]
    assert change["change"] == pytest.approx(change["score"] - table.loc[(0, 1), "score"])
    assert change["change_high"] < 0


def test_the_interval_of_a_quotient_is_that_of_its_linear_part():
    """Cochran 1977, (6.13): by a loop over documents of unequal size."""
    right, sizes = np.array([3.0, 10, 0, 7]), np.array([4.0, 16, 2, 8])
    rows = pandas.DataFrame({"document": range(4), "score": right, "score_of": sizes})
    rows["noise_seed"] = pandas.array([None] * 4, "Int64")
    found, quotient = mean(cells(rows, "score")), right.sum() / sizes.sum()
    squares = sum((r - quotient * s) ** 2 for r, s in zip(right, sizes, strict=True))
    half = t.ppf(0.975, 3) * np.sqrt(squares / 3 / 4) / sizes.mean()
    assert found.mean == pytest.approx(quotient)
    assert found.high - found.mean == pytest.approx(half)


def test_intervals_hold_the_accuracy_of_all_documents():
    """Documents of unequal size and accuracy: 95% of intervals hold the true quotient."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        sizes = rng.integers(5, 60, size=30)
        shares = np.clip(0.4 + 0.005 * sizes + rng.normal(0, 0.1, 30), 0, 1)
        right = rng.binomial(sizes, shares)
        rows = pandas.DataFrame({"document": range(30), "score": right, "score_of": sizes})
        rows["noise_seed"] = pandas.array([None] * 30, "Int64")
        found = mean(cells(rows, "score"))
        held += found.low <= TRUE_QUOTIENT <= found.high
    assert 0.92 <= held / 400 <= 0.98


# E[size * share] / E[size] of the documents above, whose sizes are 5 to 59
TRUE_QUOTIENT = float(
    np.mean(np.arange(5, 60) * (0.4 + 0.005 * np.arange(5, 60))) / np.mean(np.arange(5, 60))
)


@pytest.mark.parametrize("name", ["last name", "position"])
def test_random_activations_are_at_chance_within_their_intervals(name):
    rng = np.random.default_rng(8)
    items, task = made_up(rng, name)
    streams = {(0, None, 0): rng.normal(size=(2000, 8))}
    streams |= {(1, seed, 0): rng.normal(size=(2000, 8)) for seed in range(5)}
    table = probes_table(items, probed(task, streams))
    for _, row in table.iterrows():
        assert row["control_low"] <= row["control_majority"] + 0.005
        assert row["control_majority"] - 0.02 <= row["control_high"]
        assert row["score_low"] <= row["majority"] <= row["score_high"] + 0.02
    assert set(table["measure"]) == {"R2" if name == "position" else "accuracy"}
    assert (table["majority"] == 0).all() == (name == "position")
