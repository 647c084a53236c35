"""Summaries of answers, against means over a small table."""

import numpy as np
import pandas
import pytest
from needq.common import columns
from needq.metrics.task_summary import by_task, tasks_table


def answers():
    rows = []
    for task, kind, item in [
        ("grammar", "order", 0),
        ("grammar", "island", 1),
        ("cloze", "infer", 0),
        ("cloze", "infer", 3),
        ("cloze", "bind", 1),
        ("cloze", "copy", 2),
    ]:
        for blocks, seed in [(0, None), (1, 0), (1, 1)]:
            margin = 2.0 + item - blocks * (2 + (seed or 0))
            row = {"sweep": "s", "intervention": f"q/s/{blocks:02d}", "block": None}
            row |= {"blocks_replaced": blocks, "noise_seed": seed}
            row |= {"task": task, "item": item, "kind": kind}
            rows.append(row | {"right": float(margin > 0), "margin": margin})
    return pandas.DataFrame(rows)


def test_cloze_is_split_by_whether_the_passage_mentions_the_answer():
    found = by_task(answers())
    assert list(found) == ["grammar", "cloze inference", "cloze copying"]
    assert set(found["cloze copying"]["kind"]) == {"bind", "copy"}
    assert set(found["cloze inference"]["item"]) == {0, 3}
    assert sum(map(len, found.values())) == len(answers())


def test_accuracy_and_margin_are_means_over_seeds_and_items():
    found = tasks_table({"cpu": answers(), "none": answers()[:0]})
    assert list(found) == list(columns.TASKS)
    assert set(found["backend"]) == {"cpu"}
    rows = found.set_index(["task", "intervention"])
    pristine = rows.loc["cloze inference", "q/s/00"]
    assert (pristine["accuracy"], pristine["margin"]) == (1, np.mean([2, 5]))
    assert (pristine["noise_seeds"], pristine["items"]) == (0, 2)
    damaged = rows.loc["cloze inference", "q/s/01"]
    assert damaged["accuracy"] == 0.5
    assert damaged["margin"] == np.mean([0, 3, -1, 2])
    assert (damaged["noise_seeds"], damaged["items"]) == (2, 2)
    assert damaged["margin_low"] < damaged["margin"] < damaged["margin_high"]
    assert rows.loc["grammar", "q/s/00"]["items"] == 2


def test_what_is_kept_is_paired_with_the_pristine_model():
    rows = tasks_table({"cpu": answers()}).set_index(["task", "intervention"])
    assert rows.loc["cloze inference", "q/s/00"]["kept"] == 1
    assert np.isnan(rows.loc["cloze inference", "q/s/00"]["kept_low"])
    assert rows.loc["cloze inference", "q/s/01"]["kept"] == pytest.approx(1 / 3.5)
    # every item keeps 0.7 and 0.5 under two seeds: all that varies is the seed
    rng, found = np.random.default_rng(0), []
    for margin in np.exp(rng.normal(size=30)):
        for blocks, seed, share in [(0, None, 1.0), (1, 0, 0.7), (1, 1, 0.5)]:
            row = {"sweep": "s", "intervention": f"q/s/{blocks:02d}", "block": None}
            row |= {"blocks_replaced": blocks, "noise_seed": seed, "task": "grammar", "kind": "k"}
            found.append(row | {"item": len(found) // 3, "right": 1.0, "margin": share * margin})
    row = tasks_table({"cpu": pandas.DataFrame(found)}).iloc[1]
    assert row["kept"] == pytest.approx(0.6)
    half = 12.706 * np.std([0.7, 0.5], ddof=1) / 2**0.5
    assert row["kept_high"] - row["kept"] == pytest.approx(half, rel=0.02)
