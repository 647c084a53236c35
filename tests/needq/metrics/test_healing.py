"""The table of healing, against numbers worked out one by one, and the test of compensation."""

import numpy as np
import pandas
import pytest
from needq.common import columns
from needq.metrics import claim_tests, statistics
from needq.metrics.healing import compensated, four, healing_table, recovered

STEPS = (0, 1, 2)


def simulated(rng, share, damage=2.0, drift=0.1, seeds=5, documents=40, sets=("keys",), blocks=12):
    """Rows of healing: `share` of the damage is recovered at the last step, half of it before.

    Training adds `drift` to the nll of every model.
    """
    pristine = 2 + 0.4 * rng.normal(size=documents)
    damages = [
        damage * np.exp(0.1 * rng.normal()) * np.exp(0.2 * rng.normal(size=documents))
        for _ in range(seeds)
    ]
    rows = []
    for parameters in sets:
        for step, part in zip(STEPS, (0, 0.5, 1), strict=True):
            control = pristine + part * (drift + 0.02 * rng.normal(size=documents))
            rows += _rows(parameters, 0, None, step, control)
            for seed, own in enumerate(damages):
                left = own * (1 - part * share) + (part > 0) * 0.05 * rng.normal(size=documents)
                rows += _rows(parameters, blocks, seed, step, control + left)
    return pandas.DataFrame(rows).astype({"noise_seed": "Int64"})


def _rows(parameters, blocks, seed, step, nll):
    own = {"parameters": parameters, "blocks_replaced": blocks, "noise_seed": seed, "step": step}
    return [own | {"document": index, "nll": value} for index, value in enumerate(nll)]


def test_the_table_is_what_loops_give():
    rows = simulated(np.random.default_rng(0), 0.6, sets=("norms", "keys"))
    table = healing_table(rows.sample(frac=1, random_state=3).sort_values("parameters"))
    assert list(table) == list(columns.HEALING)
    assert table["parameters"].tolist() == ["keys"] * 6 + ["norms"] * 6
    assert table["blocks_replaced"].tolist() == [0, 0, 0, 12, 12, 12] * 2
    own = rows[rows["parameters"] == "keys"]
    control = own[own["blocks_replaced"] == 0].groupby("step")["nll"].mean()
    healed = own[own["blocks_replaced"] == 12].groupby("step")["nll"].mean()
    damage = healed[0] - control[0]
    for step in STEPS:
        one = table[(table["parameters"] == "keys") & (table["step"] == step)].set_index(
            "blocks_replaced"
        )
        assert one.loc[0, "rise"] == pytest.approx(control[step] - control[0])
        assert one.loc[12, "rise"] == pytest.approx(healed[step] - control[0])
        assert one.loc[12, "rise_over_control"] == pytest.approx(healed[step] - control[step])
        share = 1 - (healed[step] - control[step]) / damage
        assert one.loc[12, "recovered"] == pytest.approx(share)
        assert one.loc[12, "recovered_absolute"] == pytest.approx(
            1 - (healed[step] - control[0]) / damage
        )
        assert one.loc[12, ["noise_seeds", "documents"]].tolist() == [5, 40]
    last = table.iloc[5]
    assert last["recovered_low"] < last["recovered"] < last["recovered_high"]
    assert np.isnan(table.iloc[3]["recovered_low"])
    assert np.isnan(table.iloc[0]["rise_low"])
    assert table.iloc[:3]["recovered"].isna().all()


def test_the_control_makes_up_for_what_training_does():
    """A training that harms every model alike has healed none the less."""
    rows = simulated(np.random.default_rng(0), 0.6, drift=0.5)
    last = healing_table(rows).iloc[-1]
    assert last["recovered"] == pytest.approx(0.6, abs=0.03)
    assert last["recovered_absolute"] == pytest.approx(0.35, abs=0.03)


def test_intervals_hold_the_truth():
    """Those of 500 data sets of 5 seeds and 20 documents hold the share in about 95%."""
    held, rng = 0, np.random.default_rng(4)
    for _ in range(500):
        pristine = 2 + 0.4 * rng.normal(size=20)
        damage = 2 * np.exp(0.1 * rng.normal(size=(5, 1))) * np.exp(0.2 * rng.normal(size=20))
        control = np.broadcast_to(pristine + 0.1 + 0.02 * rng.normal(size=20), (5, 20))
        left = 0.4 * damage * np.exp(0.1 * rng.normal(size=(5, 1)))  # 60% is recovered
        healed = control + left + 0.05 * rng.normal(size=(5, 20))
        before = np.stack([pristine + damage, np.broadcast_to(pristine, (5, 20))], axis=-1)
        values = np.stack([before, np.stack([healed, control], axis=-1)], axis=2)
        found = statistics.function_of_means([four(values, -1)], recovered)
        held += found.low < 0.6 < found.high
    assert 0.92 < held / 500 < 0.98


def verdict(rows, n_blocks=12):
    outcome = compensated(rows, n_blocks)
    if outcome.why:
        return "cannot be decided"
    if outcome.inside:
        return "supported"
    return "refuted" if outcome.p < 0.05 else "undecided"


def test_k_and_v_compensate_if_most_of_the_damage_is_recovered():
    sets = ("keys_values_outputs",)
    rng = np.random.default_rng(0)
    assert verdict(simulated(rng, 0.8, sets=sets)) == "supported"
    assert verdict(simulated(rng, 0.2, sets=sets)) == "refuted"
    assert verdict(simulated(rng, 0.5, sets=sets)) == "undecided"
    outcome = compensated(simulated(rng, 0.8, sets=sets), 12)
    assert outcome.test.endswith("for 2 steps, while W_Q of all blocks stays noise; above 1/2")
    assert claim_tests.HALF < outcome.estimate.low < 0.8 < outcome.estimate.high


def test_what_cannot_be_decided_says_why():
    sets = ("keys_values_outputs",)
    rng = np.random.default_rng(0)
    assert "needs healing.parameters" in compensated(simulated(rng, 0.8), 12).why
    few = simulated(rng, 0.8, seeds=4, sets=sets)
    assert compensated(few, 12).why == "4 noise seeds healed; needs 5"
    half = simulated(rng, 0.8, blocks=6, sets=sets)
    assert compensated(half, 12).why == "needs all in healing.blocks_replaced"
    none = simulated(rng, 0.8, damage=0.0, sets=sets)
    assert "no clear damage" in compensated(none, 12).why
