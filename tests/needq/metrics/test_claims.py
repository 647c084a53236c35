"""The table of claims: verdicts of claims from those of their tests; what cannot be decided."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas
import pytest
from claim_data import STEPS, documents, falling, margins, rows_of
from needq.common import columns
from needq.common.keys import LABELS
from needq.metrics import claim_tests, claims, holm
from needq.metrics.claims import Measured

S, R, U, C = "supported", "refuted", "undecided", "cannot be decided"
SWEEPS = {"q": "cumulative", "k": "keys", "v": "values", "o": "outputs", "bias": "with_bias"}
SWEEPS |= {"single": "single", "end": "end", "random": "random"}


def as_single(rows):
    """The rows of a cumulative sweep as those of a sweep of single blocks."""
    rows.loc[rows["blocks_replaced"] > 0, "blocks_replaced"] = 1
    return rows


def answers(rng, task, kind, kept, single, seeds, items):
    """The rows of schemas.TASKS of both sweeps in which items are asked."""
    parts = []
    for sweep, curve in (("cumulative", kept), ("single", single)):
        table = margins(rng, curve, seeds, items)
        if parts:  # the same pristine model
            table = table + parts[0][0] - table[:, :, :1]
            table[:, :, 0] = parts[0][0][0, :, 0]
        rows = pandas.DataFrame(rows_of(table, sweep, "item", "margin"))
        parts.append((table[:, :, :1], as_single(rows) if sweep == "single" else rows))
    rows = pandas.concat([part for _, part in parts])
    if task == "grammar":  # two pairs of each phenomenon
        kind = "phenomenon " + (rows["item"] // 2).astype(str)
    return rows.assign(task=task, kind=kind, right=(rows["margin"] > 0) * 1.0)


@cache
def run(seeds=5):
    rng = np.random.default_rng(0)
    rises = np.linspace(0.3, 3, 12)
    evaluation = []
    for role, sweep in SWEEPS.items():
        nll = documents(rng, [0.1] * 12 if role == "single" else rises, seeds, 80, spread=0.02)
        rows = pandas.DataFrame(rows_of(nll, sweep, "document", "nll"))
        evaluation.append(as_single(rows) if role == "single" else rows)
    evaluation = pandas.concat(evaluation, ignore_index=True).astype({"noise_seed": "Int64"})
    # every sweep starts from one pristine model
    pristine = evaluation["noise_seed"].isna()
    own = evaluation[pristine].set_index(["sweep", "document"])["nll"]
    keys = evaluation[["sweep", "document"]].itertuples(index=False)
    shift = [own["cumulative", key.document] - own[key.sweep, key.document] for key in keys]
    evaluation["nll"] += shift
    texts = rows_of(np.zeros((seeds, 6, STEPS)), "cumulative", "prompt", "label")
    for row in texts:
        quarter = (row["blocks_replaced"] + 2) // 3 - (row["blocks_replaced"] > 0)
        # a few texts are labelled one label earlier or later
        shift = (row["prompt"] + (row["noise_seed"] or 0) + row["blocks_replaced"]) % 7 == 3
        row["label"] = LABELS[int(np.clip(quarter + shift * (1 if quarter == 0 else -1), 0, 3))]
    tasks = (
        ("grammar", "order", 8.5, 0.95, 80),
        ("cloze", "infer", 3.5, 0.9, 60),
        ("cloze", "copy", 6.5, 0.9, 30),
    )
    asked = [
        answers(rng, task, kind, falling(middle, 0.05, 1, 0), [1] + [kept] * 12, seeds, items)
        for task, kind, middle, kept, items in tasks
    ]
    one = rows_of(np.zeros((seeds, 6, STEPS)), "single", "prompt", "label")
    for row in one:  # with each block by itself, all of 30 texts are near normal
        row["label"] = LABELS[0]
    parts = [pandas.DataFrame(texts), as_single(pandas.DataFrame(one))]
    texts = pandas.concat(parts, ignore_index=True).assign(sample_seed=0)
    texts["text_hash"] = texts.index.astype(str)
    return Measured(SWEEPS, 12, evaluation, texts, pandas.concat(asked), ngrams=True, entropy=0.5)


def table(measured):
    return claims.claims_table(measured, "pocket", "pocket-gpt2")


def of_claim(found, claim):
    rows = found[(found["claim"] == claim) & ~found["test"].str.startswith("all ")]
    return rows["verdict"].tolist()


def whole(found):
    rows = found[found["test"].str.startswith("all ")]
    return dict(zip(rows["claim"], rows["verdict"], strict=True))


def test_the_table_of_a_run():
    found = table(run())
    assert list(found) == list(columns.CLAIMS)
    assert of_claim(found, "C1") == [S, S, S, S, S]
    assert of_claim(found, "C2") == [S] * 9
    assert of_claim(found, "C3") == [S, S]
    assert of_claim(found, "C4") == [S, S, S, S, C]
    assert of_claim(found, "C5") == [S]
    assert of_claim(found, "C5+") == [S, S, C]
    assert whole(found) == {"C1": S, "C2": S, "C3": S, "C4": C, "C5": S, "C5+": C}
    assert set(found["run"]) == {"pocket"}
    assert set(found["model"]) == {"pocket-gpt2"}
    reasons = found.set_index(["claim", "test"])["why"]
    assert reasons["C4", "all 5 tests"] == claims.HEALING
    assert reasons["C5", "all 1 tests"] == ""
    decided = found["p"].notna()
    assert (found.loc[decided, "p_holm"] >= found.loc[decided, "p"]).all()


def test_shapley_values_decide_their_test():
    rng = np.random.default_rng(1)
    name = "effective number of blocks by Shapley values"
    without = table(run()).set_index("test")
    assert without.loc[f"{name}; above 1/2", "why"] == claims.SUBSETS
    for seeds, damage, expected in (
        (5, np.ones(12), S),
        (5, [1.0] + [0.01] * 11, R),
        (5, [1.0] * 6 + [0.0] * 6, U),
        (3, np.ones(12), C),
    ):
        values = np.array(damage) * np.exp(0.05 * rng.normal(size=(seeds, 40, 12)))
        found = table(replace(run(), shapley=values)).set_index("test")
        row = found.loc[f"{name} / all 12 blocks; above 1/2"]
        assert row["claim"] == "C5+"
        assert row["verdict"] == expected
        assert ("3 noise seeds" in row["why"]) is (seeds == 3)


def healed(share, seeds=5):
    """Rows of healing: 2 nats of damage, of which W_K, W_V and W_O recover a share."""
    rng, rows = np.random.default_rng(2), []
    for step in (0, 8):
        for seed in (None, *range(seeds)):
            left = 0 if seed is None else 2 * (1 - share * step / 8)
            own = {"parameters": "keys_values_outputs", "noise_seed": seed, "step": step}
            own |= {"blocks_replaced": 0 if seed is None else 12}
            nll = 2 + left + 0.05 * rng.normal(size=30)
            rows += [own | {"document": index, "nll": value} for index, value in enumerate(nll)]
    return pandas.DataFrame(rows).astype({"noise_seed": "Int64"})


def test_healing_decides_what_the_default_run_cannot():
    for share, verdict in ((0.8, S), (0.2, R), (0.5, U)):
        found = table(replace(run(), healing=healed(share)))
        assert of_claim(found, "C4")[4:] == [verdict]
        assert whole(found)["C4"] == verdict
    found = table(replace(run(), healing=healed(0.8, seeds=3)))
    assert of_claim(found, "C4")[4:] == [C]
    assert "3 noise seeds healed; needs 5" in found["why"].tolist()


def test_mixtures_of_matrices_decide_nothing():
    """Their test got its rule after its value was known, so it is none (docs/claims.md)."""
    mixtures = {mixture: SWEEPS["q"] for mixture in ("qk", "qv", "kv", "qkv")}
    measured = replace(run(), healing=healed(0.8))
    found = table(replace(measured, sweeps=SWEEPS | mixtures))
    pandas.testing.assert_frame_equal(found, table(measured))
    assert whole(found)["C4"] == S


def test_the_order_of_rows_says_nothing():
    measured = run()
    mixed = [
        rows.sample(frac=1, random_state=1)
        for rows in (measured.evaluation, measured.texts, measured.answers)
    ]
    again = replace(measured, evaluation=mixed[0], texts=mixed[1], answers=mixed[2])
    pandas.testing.assert_frame_equal(table(measured), table(again))


def test_a_refuted_test_refutes_a_claim_though_others_cannot_be_decided():
    measured = run()
    evaluation = measured.evaluation.copy()
    # W_O costs a tenth of what W_Q costs
    of_o = (evaluation["sweep"] == "outputs") & (evaluation["blocks_replaced"] > 0)
    pristine = evaluation[evaluation["noise_seed"].isna()].groupby("document")["nll"].first()
    before = evaluation.loc[of_o, "document"].map(pristine)
    evaluation.loc[of_o, "nll"] = before + (evaluation.loc[of_o, "nll"] - before) / 10
    found = table(replace(measured, evaluation=evaluation))
    assert of_claim(found, "C4") == [S, S, R, S, C]
    assert whole(found)["C4"] == R
    assert found.set_index(["claim", "test"]).loc[("C4", "all 5 tests"), "why"] == ""


def test_without_labels_what_needs_them_cannot_be_decided():
    measured = run()
    for texts in (
        measured.texts.assign(label=None),
        measured.texts.assign(label="none of these"),
    ):
        found = table(replace(measured, texts=texts))
        assert of_claim(found, "C1") == [C, S, S, S, S]
        assert of_claim(found, "C2") == [C, S, S]
        assert whole(found)["C2"] == C


def test_texts_like_no_reference_text_count():
    measured = run()
    texts = measured.texts.copy()
    replaced = (texts["blocks_replaced"] > 0) & (texts["sweep"] == "cumulative")
    texts.loc[replaced & (texts["prompt"] < 4), "label"] = "none of these"
    found = table(replace(measured, texts=texts))
    assert R not in of_claim(found, "C2")[:4]
    shares = found.loc[found["test"].str.contains("3 blocks replaced;"), "estimate"]
    assert shares.iloc[0] < 0.5
    texts.loc[replaced, "label"] = "none of these"
    texts.loc[replaced.index[replaced][-1], "label"] = "noise"
    found = table(replace(measured, texts=texts))
    assert of_claim(found, "C2")[:4] == [R, R, R, R]
    assert of_claim(found, "C2")[4:7] == [C, C, C]


def test_without_enough_items_or_an_ngram_text_c3_cannot_be_decided():
    measured = run()
    found = table(replace(measured, ngrams=False))
    assert of_claim(found, "C3") == [C]
    assert found.loc[found["claim"] == "C3", "why"].tolist() == [claims.NO_NGRAMS] * 2
    assert of_claim(found, "C1")[1:] == [S, S, S, S]
    few = measured.answers[(measured.answers["kind"] != "infer") | (measured.answers["item"] < 19)]
    found = table(replace(measured, answers=few))
    assert of_claim(found, "C3") == [C]
    assert "19 selected items of cloze inference; needs 20" in found["why"].tolist()
    assert of_claim(found, "C1") == [S, S, S, C]
    none = measured.answers[:0]
    found = table(replace(measured, answers=none))
    assert "0 phenomena of grammar; needs 20" in found["why"].tolist()


def test_a_sweep_that_answers_no_tasks_is_named():
    measured = run()
    scored = measured.answers[measured.answers["sweep"] != measured.sweeps["single"]]
    found = table(replace(measured, answers=scored))
    wanted = f"sweeps.{measured.sweeps['single']} answers no tasks here (run: tasks)"
    assert found.loc[found["claim"] == "C1", "why"].tolist().count(wanted) == 3  # and of the claim


def test_pairs_of_one_phenomenon_are_one_item():
    measured = run()
    few = measured.answers[
        (measured.answers["task"] != "grammar") | (measured.answers["item"] < 2 * 19)
    ]
    found = table(replace(measured, answers=few))
    assert "19 phenomena of grammar; needs 20" in found["why"].tolist()
    margins, _ = measured.margins("q", "grammar")
    rows = measured.answers[
        (measured.answers["task"] == "grammar") & (measured.answers["sweep"] == "cumulative")
    ]
    last = rows[(rows["blocks_replaced"] == 12) & (rows["noise_seed"] == 3)]
    assert margins.shape == (5, 40, 13)
    by_kind = sorted(last.groupby("kind")["margin"].mean())
    np.testing.assert_allclose(sorted(margins[3, :, 12]), by_kind)


def of_texts(found):
    """The row of C1's test of texts."""
    return found[found["test"].str.startswith(claim_tests.NEAR_NORMAL)].iloc[0]


def test_texts_with_each_block_by_itself_decide_c1():
    measured = run()
    alone = measured.texts["sweep"] == "single"
    block = measured.texts["intervention"].str.endswith("03")
    # each noise seed and prompt has some
    most = (measured.texts["prompt"] + measured.texts["noise_seed"]) % 6 > 0
    for label, verdict in (("noise", R), ("none of these", R), (None, R)):
        texts = measured.texts.copy()
        texts.loc[alone & block & most, "label"] = label  # of step 3, which is block 2
        found = table(replace(measured, texts=texts))
        assert of_claim(found, "C1") == [verdict, S, S, S, S]
        assert "worst: block 2" in of_texts(found)["test"]
        assert of_texts(found)["estimate"] == pytest.approx(1 / 6)
        # C2 is about the article's sweep alone
        rows = found["claim"] == "C2"
        pandas.testing.assert_frame_equal(found[rows], table(measured)[rows])
    texts = measured.texts.copy()
    texts.loc[alone & block & (texts["prompt"] < 2), "label"] = "noise"
    assert of_claim(table(replace(measured, texts=texts)), "C1") == [U, S, S, S, S]


def test_equal_texts_under_one_block_count_once_there():
    measured = run()
    texts = measured.texts.copy()
    step = (texts["sweep"] == "single") & texts["intervention"].str.endswith("07")
    texts.loc[step, "label"] = "near normal"
    texts.loc[step, "text_hash"] = "same " + texts["prompt"].astype(str)
    again = replace(measured, texts=texts)
    assert again.different_texts_by_block() == [30] * 6 + [6] + [30] * 5
    assert of_claim(table(again), "C1") == [U, S, S, S, S]


def test_texts_decide_nothing_if_every_block_attends_uniformly():
    for entropy, verdicts in ((0.949, [S, S, S, S, S]), (0.95, [C, S, S, S, S])):
        found = table(replace(run(), entropy=entropy))
        assert of_claim(found, "C1") == verdicts
        why = of_texts(found)["why"]
        assert ("every block attends uniformly already (entropy 0.95" in why) == (entropy == 0.95)


def test_without_texts_of_single_blocks_c1_cannot_be_decided():
    measured = run()
    texts = measured.texts[measured.texts["sweep"] != "single"]
    found = table(replace(measured, texts=texts))
    assert of_claim(found, "C1") == [C, S, S, S, S]
    assert of_texts(found)["why"] == claims.NO_TEXTS
    assert whole(found)["C1"] == C


def test_copying_decides_nothing():
    measured = run()
    lost = measured.answers.copy()
    copied = (lost["kind"] == "copy") & (lost["blocks_replaced"] > 0)
    lost.loc[copied, "margin"] = -9.0
    pandas.testing.assert_frame_equal(table(measured), table(replace(measured, answers=lost)))


def test_under_five_seeds_nothing_can_be_decided():
    found = table(run(4))
    assert set(found["verdict"]) == {C}
    tests = found[found["estimate"].notna()]
    assert len(tests) > 15
    assert (tests[["low", "high"]] == "n too small").all(axis=None)
    assert set(tests["why"]) == {"4 noise seeds; needs 5"}


def test_matrices_are_compared_at_the_steps_that_both_have():
    measured = run()
    evaluation = measured.evaluation
    few = evaluation["blocks_replaced"].isin([0, 1, 6, 12])
    fewer = evaluation[few | (evaluation["sweep"] != "with_bias")]
    found = table(replace(measured, evaluation=fewer)).set_index("test")
    nll, blocks = claims.paired(evaluation[few], {kind: SWEEPS[kind] for kind in ("k", "bias")})
    assert blocks.tolist() == [0, 1, 6, 12]
    wanted = claim_tests.not_only_in_q("k", nll["k"], nll["bias"])
    assert found.loc[wanted.test, "estimate"] == wanted.estimate.mean
    assert table(measured).set_index("test").loc[wanted.test, "estimate"] != wanted.estimate.mean


def test_orders_are_compared_at_half_of_the_blocks():
    measured = run()
    found = table(measured).set_index("test")
    name = "damage of 6 blocks from the last one on / damage of the first 6 blocks; 4/5 to 5/4"
    evaluation = measured.evaluation.set_index(["sweep", "blocks_replaced"])["nll"]
    rise = [evaluation[s, 6].mean() - evaluation[s, 0].mean() for s in ("end", "cumulative")]
    assert abs(found.loc[name, "estimate"] - rise[0] / rise[1]) < 1e-9
    ends = measured.evaluation["blocks_replaced"].isin([0, 12])
    orders = measured.evaluation["sweep"].isin(["end", "random"])
    found = table(replace(measured, evaluation=measured.evaluation[ends | ~orders]))
    assert of_claim(found, "C5+") == [C, C, C]
    assert "needs a step of about half of the blocks" in found["why"].tolist()


def test_sweeps_that_were_not_run_are_named():
    measured = run()
    found = table(replace(measured, sweeps={"q": SWEEPS["q"]}))
    assert of_claim(found, "C1") == [C]
    assert of_claim(found, "C4") == [C] * 5
    assert of_claim(found, "C5") == [C]
    reasons = found["why"].tolist()
    assert "needs a sweep of single blocks" in reasons
    assert "needs a sweep of W_K and of W_Q with its bias" in reasons
    assert "needs a sweep of blocks in a random order" in reasons
    assert whole(found)["C3"] == S
    assert holm.CANNOT == C
    off = {"o": "outputs", "bias": "with_bias", "k": "keys"}
    found = table(replace(measured, sweeps={"q": SWEEPS["q"]}, off=off))
    reasons = found["why"].tolist()
    assert "needs a sweep of W_O (sweeps.outputs: off here, on in config.yaml)" in reasons
    assert (
        "needs a sweep of W_K and of W_Q with its bias "
        "(sweeps.keys and sweeps.with_bias: off here, on in config.yaml)"
    ) in reasons
