"""Claims: every test says supported, refuted and undecided where the truth is known."""

import math

import numpy as np
import pandas
import pytest
from needq.common.keys import LABELS
from needq.metrics import claims, statistics
from needq.metrics.statistics import Estimate

BLOCKS = np.arange(13.0)
STEPS = len(BLOCKS)


def answers(rng, curve, seeds=5, items=300, spread=0.02):
    """Answers (seeds, items, steps) that are right with the probabilities of a curve."""
    curve = np.asarray(curve) + spread * rng.normal(size=(seeds, 1, 1))
    curve = np.clip(curve + 0.1 * rng.normal(size=(1, items, 1)), 0, 1)
    found = (rng.random((seeds, items, curve.shape[-1])) < curve).astype(float)
    found[:, :, 0] = found[0, :, 0]
    return found


def documents(rng, rises, seeds=5, count=29, spread=0.1):
    """nll (seeds, documents, 1 + steps) that rises by so much at each step."""
    pristine = 4 + 0.5 * rng.normal(size=(1, count, 1))
    by_seed = np.exp(spread * rng.normal(size=(seeds, 1, len(rises))))
    by_document = np.exp(0.3 * rng.normal(size=(1, count, 1)))
    noise = 0.1 * rng.normal(size=(seeds, count, len(rises)))
    rise = np.asarray(rises) * by_seed * by_document + noise
    return np.concatenate([np.broadcast_to(pristine, (seeds, count, 1)), pristine + rise], axis=2)


def texts(rng, share, seeds=5, prompts=6):
    """1 or 0 (seeds, prompts, 13): whether a text has a label, with the shares of a curve."""
    return (rng.random((seeds, prompts, STEPS)) < np.asarray(share)).astype(float)


def verdicts(rows):
    return [row["verdict"] for row in rows]


def falling(middle, scale, top, chance):
    return chance + (top - chance) / (1 + np.exp((BLOCKS - middle) / scale))


S, R, U = "supported", "refuted", "undecided"


@pytest.mark.parametrize(
    ("share", "grammar", "cloze", "expected"),
    [
        (1.0, 0.89, 0.57, [S, S, S]),
        (0.2, 0.60, 0.30, [R, R, R]),
        (0.8, 0.82, 0.53, [U, U, U]),  # at the marks: 0.5 + 0.8 * 0.4, 0.25 + 0.8 * 0.35
    ],
)
def test_one_block(share, grammar, cloze, expected):
    rng = np.random.default_rng(0)
    rows = claims.one_block(
        claims.Probe(answers(rng, [0.9, grammar]), 0.5),
        claims.Probe(answers(rng, [0.6, cloze], items=2000, spread=0.005), 0.25),
        texts(rng, share),
    )
    assert verdicts(rows) == expected


def test_logic_that_is_no_weaker_is_not_slightly_weaker():
    rng = np.random.default_rng(0)
    cloze = claims.Probe(answers(rng, [0.6, 0.68], items=2000, spread=0.002), 0.25)
    fine = claims.Probe(answers(rng, [0.9, 0.9]), 0.5)
    assert verdicts(claims.one_block(fine, cloze, texts(rng, 1.0))) == [S, S, R]


@pytest.mark.parametrize(
    ("shares", "rises", "expected"),
    [
        ((0.95, 0.95, 0.95, 0.95), np.arange(1, 13) / 4, [S] * 5),
        ((0.1, 0.1, 0.1, 0.1), [3.0] * 12, [R] * 5),
        ((0.5, 0.5, 0.5, 0.5), [2.4] * 6 + [3.0] * 6, [U] * 5),
    ],
)
def test_the_degradation_table(shares, rises, expected):
    rng = np.random.default_rng(0)
    labels = {label: texts(rng, share) for label, share in zip(LABELS, shares, strict=True)}
    rows = claims.degradation_table(BLOCKS, labels, documents(rng, rises), 12)
    assert verdicts(rows) == expected
    assert "labelled meaning lost with 4 to 6 blocks" in rows[1]["test"]
    assert "labelled noise with 10 to 12 blocks" in rows[3]["test"]


def test_the_rise_of_the_second_half_is_its_share_of_the_whole():
    rng = np.random.default_rng(0)
    nll = documents(rng, [0.1] * 5 + [3.0] + [3.5] * 5 + [4.0], spread=0.0)
    labels = {label: texts(rng, 0.5) for label in LABELS}
    (*_, late) = claims.degradation_table(BLOCKS, labels, nll, 12)
    assert "after 6 blocks" in late["test"] and late["estimate"] == pytest.approx(0.25, abs=0.02)


def test_a_deeper_model_has_wider_quarters():
    rng = np.random.default_rng(0)
    blocks = np.array([0.0, 1, 5, 10, 20, 30])
    shares = {label: np.ones((5, 6, 6)) for label in LABELS}
    rows = claims.degradation_table(blocks, shares, documents(rng, [1.0] * 5), 30)
    assert ["with 1 to 7" in rows[0]["test"], "with 23 to 30" in rows[3]["test"]] == [True, True]


@pytest.mark.parametrize(
    ("grammar", "cloze", "expected"),
    [
        (falling(8.5, 0.05, 0.95, 0.5), falling(3.5, 0.05, 0.8, 0.25), [S, S]),
        (falling(3.5, 1.5, 0.95, 0.5), falling(8, 1.5, 0.8, 0.25), [R, R]),
        (falling(5.5, 0.05, 0.95, 0.5), falling(5.5, 0.05, 0.8, 0.25), [U, R]),
    ],
)
def test_two_stages(grammar, cloze, expected):
    rng = np.random.default_rng(2)
    rows = claims.two_stages(
        BLOCKS, claims.Probe(answers(rng, grammar), 0.5), claims.Probe(answers(rng, cloze), 0.25)
    )
    assert verdicts(rows) == expected


def test_stages_that_ten_items_cannot_tell_are_undecided():
    rng = np.random.default_rng(0)
    curves = falling(6.5, 0.7, 0.8, 0.5), falling(6, 0.7, 0.6, 0.25)
    tables = [answers(rng, curve, items=10) for curve in curves]
    probes = [
        claims.Probe(table, chance) for table, chance in zip(tables, (0.5, 0.25), strict=True)
    ]
    rows = claims.two_stages(BLOCKS, *probes)
    assert verdicts(rows) == [U, U] and "found undecided" in rows[1]["test"]


@pytest.mark.parametrize(
    ("shares", "single", "expected"),
    [
        # damage of k, v and o as shares of that of q; single damages (all blocks: 3)
        ((2.0, 3.0, 1.0), 0.5, [S, S, S, S, S, S]),
        ((0.1, 0.1, 0.1), 0.1, [R, R, R, R, R, R]),
        ((0.2, 1.25, 0.2), 0.3125, [U, S, U, R, U, U]),
    ],
)
def test_redundancy(shares, single, expected):
    rng = np.random.default_rng(5)
    rises = np.linspace(0.5, 3, 12)
    nll = {"q": documents(rng, rises, spread=0.3)}
    for matrix, share in zip("kvo", shares, strict=True):
        nll[matrix] = documents(rng, share * rises, spread=0.3)
        nll[matrix] += nll["q"][:, :, :1] - nll[matrix][:, :, :1]  # the same pristine model
    alone = documents(rng, [single] * 12, spread=0.3)
    alone += nll["q"][:, :, :1] - alone[:, :, :1]
    assert verdicts(claims.redundancy(nll)) == expected[:5]
    assert claims.stabilised(nll["q"], alone)["verdict"] == expected[5]


@pytest.mark.parametrize(
    ("single", "end", "random", "expected"),
    [
        ([0.3] * 12, 1.0, 1.0, [S, S, S]),
        ([3.0] + [0.02] * 11, 0.3, 2.0, [R, R, R]),
        ([0.5] * 6 + [0.0] * 6, 0.8, 1.25, [U, U, U]),
    ],
)
def test_spread(single, end, random, expected):
    rng = np.random.default_rng(3)
    rises = np.linspace(0.5, 3, 12)
    start = documents(rng, rises)
    others = []
    for share in (end, random):
        table = start.copy()
        table[:, :, 1:] += (share - 1) * (start[:, :, 1:] - start[:, :, :1])
        others.append(table + 0.02 * rng.normal(size=(5, 1, 1)) * (np.arange(13) > 0))
    alone = documents(rng, single, spread=0.3)
    assert verdicts(claims.spread(alone, start, *others)) == expected


def test_chance_does_not_count_as_unevenness():
    single = documents(np.random.default_rng(0), [0.3, 0.2, 0.1], spread=1.0)
    rises = single[:, :, 1:] - single[:, :, :1]
    damage = rises.mean((0, 1))
    chance = sum(statistics.crossed_variance(rises[:, :, block])[1] for block in range(3))
    expected = damage.sum() ** 2 / ((damage**2).sum() - chance) / 3
    found = claims.effective_share(single)
    assert found.mean == pytest.approx(min(expected, 1))
    assert expected > 1.05 * damage.sum() ** 2 / (damage**2).sum() / 3


@pytest.mark.parametrize("damage", [[2, 0.5] + [0.1] * 10, [0.6] * 6 + [0.02] * 6])
def test_the_effective_number_of_blocks_is_covered(damage):
    rng = np.random.default_rng(4)
    damage = np.array(damage)
    truth = damage.sum() ** 2 / (damage**2).sum() / 12
    covered = 0
    for _ in range(300):
        # log-normal factors of mean 1
        by_seed = np.exp(0.3 * rng.normal(size=(5, 1, 12)) - 0.045)
        rise = damage * by_seed * np.exp(0.3 * rng.normal(size=(1, 29, 1)) - 0.045)
        rise = rise + 0.1 * rng.normal(size=(5, 29, 12))
        found = claims.effective_share(np.concatenate([np.zeros((5, 29, 1)), rise], axis=2))
        covered += found.low <= truth <= found.high
    assert 0.91 <= covered / 300 <= 0.995


def test_a_verdict_is_rarely_wrong_where_the_truth_is_at_the_mark():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(400):
        one = documents(rng, [1.0, 2.0])
        rise = one[:, :, 1:] - one[:, :, :1]
        other = one[:, :, 1:] + rise * (0.2 * rng.normal(size=(5, 1, 1)) - 0.2)
        other = np.concatenate([one[:, :, :1], other], axis=2)
        ratio = claims.damage_ratio(other, one)
        test = claims.Test("C4", "", ratio, -math.inf, 0.8, 5)
        found.append(test.row()["verdict"])
    assert found.count(S) / 400 < 0.05 and found.count(R) / 400 < 0.05


def test_verdicts_are_what_the_whole_interval_says():
    def verdict(low, high, seeds=5, above=0.0, below=0.2):
        estimate = Estimate((low + high) / 2, low, high)
        return claims.Test("C1", "t", estimate, above, below, seeds).row()

    assert verdict(0.05, 0.15)["verdict"] == S
    assert verdict(0.25, 0.3)["verdict"] == verdict(-0.2, -0.1)["verdict"] == R
    assert verdict(0.1, 0.3)["verdict"] == verdict(-0.1, 0.1)["verdict"] == U
    assert verdict(math.nan, math.nan)["verdict"] == U
    few = verdict(0.05, 0.15, seeds=4)
    assert (few["low"], few["high"], few["verdict"]) == ("n too small", "n too small", U)
    assert few["estimate"] == pytest.approx(0.1)


def test_a_claim_is_what_its_tests_are():
    def table(*found):
        rows = [{"claim": "C5", "statement": "s", "test": "t", "verdict": one} for one in found]
        return claims.with_verdicts(rows)["verdict"].tolist()

    assert table(S, S) == [S, S, S]
    assert table(S, U) == [U, S, U]
    assert table(S, R, U) == [R, S, R, U]


def rows_of(table, sweep, item, column):
    """The rows that a run leaves for a table (seeds, items, steps)."""
    found = []
    for step in range(table.shape[2]):
        for seed in range(1 if step == 0 else len(table)):
            for place in range(table.shape[1]):
                row = {"sweep": sweep, "intervention": f"q/{sweep}/{step:02d}"}
                row |= {"blocks_replaced": step, "noise_seed": None if step == 0 else seed}
                found.append(row | {item: place, column: table[seed, place, step]})
    return found


def run(seeds):
    rng = np.random.default_rng(0)
    rises = np.linspace(0.3, 3, 12)
    evaluation, texts = [], []
    sweeps = {"q": "cumulative", "k": "keys", "v": "values", "o": "outputs"}
    sweeps |= {"single": "single", "end": "end", "random": "random"}
    for role, sweep in sweeps.items():
        nll = documents(rng, [0.3] * 12 if role == "single" else rises, seeds)
        evaluation += rows_of(nll, sweep, "document", "nll")
    evaluation = pandas.DataFrame(evaluation).astype({"noise_seed": "Int64"})
    single = (evaluation["sweep"] == "single") & (evaluation["blocks_replaced"] > 0)
    evaluation.loc[single, "blocks_replaced"] = 1
    pristine = evaluation[evaluation["noise_seed"].isna()].groupby("document")["nll"].mean()
    rises = evaluation["noise_seed"].isna()
    evaluation.loc[rises, "nll"] = evaluation.loc[rises, "document"].map(pristine)
    texts = rows_of(np.zeros((seeds, 6, STEPS)), "cumulative", "prompt", "label")
    for row in texts:
        row["label"] = LABELS[
            min((row["blocks_replaced"] + 2) // 3 - (row["blocks_replaced"] > 0), 3)
        ]
    right = {
        "grammar": rows_of(
            answers(rng, falling(8.5, 0.05, 0.95, 0.5), seeds), "cumulative", "item", "right"
        ),
        "cloze": rows_of(
            answers(rng, falling(3.5, 0.05, 0.8, 0.25), seeds), "cumulative", "item", "right"
        ),
    }
    right = {name: pandas.DataFrame(rows) for name, rows in right.items()}
    chances = {"grammar": 0.5, "cloze": 0.25}
    return sweeps, 12, evaluation, pandas.DataFrame(texts), right, chances


def test_the_table_of_a_run():
    found = claims.claims_table(*run(5))
    assert list(found) == ["claim", "statement", "test", "estimate", "low", "high", "verdict"]
    counts = found["claim"].value_counts().to_dict()
    assert counts == {"C1": 4, "C2": 6, "C3": 3, "C4": 7, "C5": 4}
    whole = found[found["test"].str.startswith("all ")].set_index("claim")
    assert whole["estimate"].isna().all()
    assert whole.loc["C2", "verdict"] == whole.loc["C3", "verdict"] == S
    # the same rows of another order give the same table
    sweeps, blocks, evaluation, texts, right, chances = run(5)
    evaluation = evaluation.sample(frac=1, random_state=1)
    again = claims.claims_table(sweeps, blocks, evaluation, texts, right, chances)
    pandas.testing.assert_frame_equal(found, again)


def test_no_answer_changed_is_no_proof_that_none_would():
    right = np.repeat([[1.0] * 80 + [0.0] * 20], 5, axis=0)
    table = np.stack([right, right], axis=2)
    found = claims.lost(claims.Probe(table, 0.5), 1)
    most = statistics.share_of_items(np.zeros(100)).high
    assert found.mean == 0 and found.high == -found.low == pytest.approx(most / 0.3)
    assert 0.1 < found.high < 0.2
    table[2, 5, 1] = 0.0
    found = claims.lost(claims.Probe(table, 0.5), 1)
    assert found.mean == pytest.approx(0.002 / 0.3) and found.low < found.mean < found.high


def test_without_labels_what_needs_them_is_left_out():
    sweeps, blocks, evaluation, texts, *others = run(5)
    found = claims.claims_table(sweeps, blocks, evaluation, texts.assign(label=None), *others)
    counts = found["claim"].value_counts().to_dict()
    assert counts == {"C1": 3, "C2": 2, "C3": 3, "C4": 7, "C5": 4}


def test_under_five_seeds_nothing_is_decided():
    found = claims.claims_table(*run(4))
    assert set(found["verdict"]) == {U}
    tests = found[~found["test"].str.startswith("all ")]
    assert (tests["low"] == "n too small").all() and (tests["high"] == "n too small").all()
    assert tests["estimate"].notna().all()


def test_matrices_are_compared_at_the_steps_that_all_of_them_have():
    sweeps, blocks, evaluation, *others = run(5)
    few = evaluation["blocks_replaced"].isin([0, 1, 6, 12])
    fewer = evaluation[few | (evaluation["sweep"] != "keys")]
    found = claims.claims_table(sweeps, blocks, fewer, *others).set_index("claim")
    alone = claims.paired(evaluation[few], {role: sweeps[role] for role in "qkvo"})
    expected = [row["estimate"] for row in claims.redundancy(alone)]
    assert found.loc["C4", "estimate"].tolist()[1:6] == expected
    whole = claims.claims_table(*run(5)).set_index("claim")
    assert whole.loc["C4", "estimate"].tolist()[1:6] != expected
    pandas.testing.assert_frame_equal(found.loc[["C2", "C5"]], whole.loc[["C2", "C5"]])


def test_sweeps_that_were_not_run_have_no_tests():
    sweeps, *others = run(5)
    found = claims.claims_table({"q": sweeps["q"]}, *others)
    assert set(found["claim"]) == {"C1", "C2", "C3"}


def test_the_ladder_compares_with_gaussian_noise():
    rng = np.random.default_rng(0)
    gaussian = documents(rng, np.linspace(0.5, 3, 12))
    rise = gaussian[:, :, 1:] - gaussian[:, :, :1]

    def method(share, seeds=5):
        table = np.concatenate([gaussian[:, :, :1], gaussian[:, :, :1] + share * rise], axis=2)
        return table[:seeds]

    # permuted at some of the steps only; the others without noise seeds
    tables = {"q": gaussian, "permuted": method(1.01), "zero": method(0.4, 1)}
    tables["identity"] = method(0.8, 1)
    evaluation = pandas.DataFrame(
        [
            row
            for name, table in tables.items()
            for row in rows_of(table, name, "document", "nll")
            if name != "permuted" or row["blocks_replaced"] in (0, 3, 6, 12)
        ]
    )
    evaluation.loc[evaluation["sweep"].isin(["zero", "identity"]), "noise_seed"] = None
    found = claims.replacement_methods_table(evaluation, {name: name for name in tables})
    assert found["method"].tolist() == ["permuted", "zero", "identity"]
    assert found["verdict"].tolist() == [S, R, U]
    assert found["ratio"].tolist() == pytest.approx([1.01, 0.4, 0.8], abs=0.05)
