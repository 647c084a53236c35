"""Claims: every test says supported, refuted and undecided where the truth is known."""

import math

import numpy as np
import pytest
from claim_data import BLOCKS, STEPS, answers, documents, falling
from needq.common.keys import LABELS
from needq.metrics import claim_tests, statistics
from needq.metrics.statistics import Estimate


def texts(rng, share, seeds=5, prompts=6):
    """1 or 0 (seeds, prompts, 13): whether a text has a label, with the shares of a curve."""
    return (rng.random((seeds, prompts, STEPS)) < np.asarray(share)).astype(float)


def verdicts(rows):
    return [row["verdict"] for row in rows]


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
    rows = claim_tests.one_block(
        claim_tests.Answers(answers(rng, [0.9, grammar]), 0.5),
        claim_tests.Answers(answers(rng, [0.6, cloze], items=2000, spread=0.005), 0.25),
        texts(rng, share),
    )
    assert verdicts(rows) == expected


def test_logic_that_is_no_weaker_is_not_slightly_weaker():
    rng = np.random.default_rng(0)
    cloze = claim_tests.Answers(answers(rng, [0.6, 0.68], items=2000, spread=0.002), 0.25)
    fine = claim_tests.Answers(answers(rng, [0.9, 0.9]), 0.5)
    assert verdicts(claim_tests.one_block(fine, cloze, texts(rng, 1.0))) == [S, S, R]


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
    rows = claim_tests.degradation_bands(BLOCKS, labels, documents(rng, rises), 12)
    assert verdicts(rows) == expected
    assert "labelled meaning lost with 4 to 6 blocks" in rows[1]["test"]
    assert "labelled noise with 10 to 12 blocks" in rows[3]["test"]


def test_the_rise_of_the_second_half_is_its_share_of_the_whole():
    rng = np.random.default_rng(0)
    nll = documents(rng, [0.1] * 5 + [3.0] + [3.5] * 5 + [4.0], spread=0.0)
    labels = {label: texts(rng, 0.5) for label in LABELS}
    (*_, late) = claim_tests.degradation_bands(BLOCKS, labels, nll, 12)
    assert "after 6 blocks" in late["test"]
    assert late["estimate"] == pytest.approx(0.25, abs=0.02)


def test_a_deeper_model_has_wider_quarters():
    rng = np.random.default_rng(0)
    blocks = np.array([0.0, 1, 5, 10, 20, 30])
    shares = {label: np.ones((5, 6, 6)) for label in LABELS}
    rows = claim_tests.degradation_bands(blocks, shares, documents(rng, [1.0] * 5), 30)
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
    rows = claim_tests.two_stages(
        BLOCKS,
        claim_tests.Answers(answers(rng, grammar), 0.5),
        claim_tests.Answers(answers(rng, cloze), 0.25),
    )
    assert verdicts(rows) == expected


def test_stages_that_ten_items_cannot_tell_are_undecided():
    rng = np.random.default_rng(0)
    curves = falling(6.5, 0.7, 0.8, 0.5), falling(6, 0.7, 0.6, 0.25)
    tables = [answers(rng, curve, items=10) for curve in curves]
    tasks = [
        claim_tests.Answers(table, chance)
        for table, chance in zip(tables, (0.5, 0.25), strict=True)
    ]
    rows = claim_tests.two_stages(BLOCKS, *tasks)
    assert verdicts(rows) == [U, U]
    assert ": undecided (" in rows[1]["test"]


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
    assert verdicts(claim_tests.redundancy(nll)) == expected[:5]
    assert claim_tests.stabilised(nll["q"], alone)["verdict"] == expected[5]


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
    assert verdicts(claim_tests.spread(alone, start, *others)) == expected


def test_chance_does_not_count_as_unevenness():
    single = documents(np.random.default_rng(0), [0.3, 0.2, 0.1], spread=1.0)
    rises = single[:, :, 1:] - single[:, :, :1]
    damage = rises.mean((0, 1))
    chance = sum(statistics.crossed_variance(rises[:, :, block])[1] for block in range(3))
    expected = damage.sum() ** 2 / ((damage**2).sum() - chance) / 3
    found = claim_tests.effective_share(single)
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
        found = claim_tests.effective_share(np.concatenate([np.zeros((5, 29, 1)), rise], axis=2))
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
        ratio = claim_tests.damage_ratio(other, one)
        test = claim_tests.Test("C4", "", ratio, -math.inf, 0.8, 5)
        found.append(test.row()["verdict"])
    assert found.count(S) / 400 < 0.05
    assert found.count(R) / 400 < 0.05


def test_verdicts_are_what_the_whole_interval_says():
    def verdict(low, high, seeds=5, above=0.0, below=0.2):
        estimate = Estimate((low + high) / 2, low, high)
        return claim_tests.Test("C1", "t", estimate, above, below, seeds).row()

    assert verdict(0.05, 0.15)["verdict"] == S
    assert verdict(0.25, 0.3)["verdict"] == verdict(-0.2, -0.1)["verdict"] == R
    assert verdict(0.1, 0.3)["verdict"] == verdict(-0.1, 0.1)["verdict"] == U
    assert verdict(math.nan, math.nan)["verdict"] == U
    few = verdict(0.05, 0.15, seeds=4)
    assert (few["low"], few["high"], few["verdict"]) == ("n too small", "n too small", U)
    assert few["estimate"] == pytest.approx(0.1)


def test_no_answer_changed_is_no_proof_that_none_would():
    right = np.repeat([[1.0] * 80 + [0.0] * 20], 5, axis=0)
    table = np.stack([right, right], axis=2)
    found = claim_tests.lost(claim_tests.Answers(table, 0.5), 1)
    most = statistics.share_of_items(np.zeros(100)).high
    assert found.mean == 0
    assert found.high == -found.low == pytest.approx(most / 0.3)
    assert 0.1 < found.high < 0.2
    table[2, 5, 1] = 0.0
    found = claim_tests.lost(claim_tests.Answers(table, 0.5), 1)
    assert found.mean == pytest.approx(0.002 / 0.3)
    assert found.low < found.mean < found.high
