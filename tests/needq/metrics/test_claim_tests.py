"""Claims: every test says supported, refuted and undecided where the truth is known."""

import numpy as np
import pytest
from claim_data import BLOCKS, STEPS, documents, falling, margins
from needq.common.keys import LABELS
from needq.metrics import claim_tests, holm


def texts(rng, share, seeds=5, prompts=6):
    """1 or 0 (seeds, prompts, 13): whether a text has a label, with the shares of a curve."""
    return (rng.random((seeds, prompts, STEPS)) < np.asarray(share)).astype(float)


def verdicts(*outcomes):
    """The verdicts without a correction for other tests, as if each were a claim's only one."""
    return [holm.verdicts([one])[1][0] for one in outcomes]


S, R, U, C = "supported", "refuted", "undecided", "cannot be decided"


@pytest.mark.parametrize(
    ("rises", "expected"),
    [
        ([0.1, 0.0, 0.15, 0.05], S),
        ([0.0, 0.0, 0.5, 0.0], R),  # one block is enough
        ([0.0, 0.223, 0.1, 0.0], U),  # ln(5/4) = 0.223
    ],
)
def test_single_blocks(rises, expected):
    rng = np.random.default_rng(0)
    found = claim_tests.single_blocks(documents(rng, rises))
    assert verdicts(found) == [expected]
    assert f"(worst: block {int(np.argmax(rises))})" in found.test


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0] * 12, S),
        ([1.0] * 7 + [0.2] + [1.0] * 4, R),  # one block is enough
        ([1.0] * 7 + [0.8] + [1.0] * 4, U),  # at the mark
        ([0.95] * 12, U),  # near normal, but 30 texts per block do not show it
    ],
)
def test_the_label_with_each_block_in_turn(shares, expected):
    # the pristine model's texts decide nothing
    near = texts(np.random.default_rng(0), [0, *shares])
    found = claim_tests.near_normal(near, [30] * 12)
    assert verdicts(found) == [expected]
    by_block = near[:, :, 1:].mean((0, 1))
    assert f"(worst: block {by_block.argmin()}); above 4/5" in found.test
    assert found.estimate.mean == by_block.min()


def test_the_label_of_many_texts_supports_what_30_leave_open():
    near = texts(np.random.default_rng(1), [0, *[0.95] * 12], prompts=60)
    assert verdicts(claim_tests.near_normal(near, [300] * 12)) == [S]


def test_the_p_value_of_the_label_is_that_of_the_worst_block_times_the_blocks():
    near = np.ones((5, 6, STEPS))
    near[:, 1:, 4] = 0
    few = claim_tests.near_normal(near[:, :, [0, 4]], [30])
    found = claim_tests.near_normal(near, [30] * 12)
    assert found.p == pytest.approx(12 * few.p)
    assert found.estimate == few.estimate


@pytest.mark.parametrize(
    ("prompts", "others", "expected"),
    [(6, 0, S), (6, 1, U), (12, 2, S), (24, 5, S), (24, 20, U)],
)
def test_of_30_texts_none_may_have_another_label(prompts, others, expected):
    near = np.ones((5, prompts, STEPS))
    near[np.arange(others) % 5, np.arange(others), 5] = 0
    assert verdicts(claim_tests.near_normal(near, [5 * prompts] * 12)) == [expected]


@pytest.mark.parametrize(("different", "expected"), [(20, S), (19, U)])
def test_texts_that_repeat_each_other_prove_less(different, expected):
    near = np.ones((5, 6, STEPS))
    assert verdicts(claim_tests.near_normal(near, [30] * 11 + [different])) == [expected]


@pytest.mark.parametrize(
    ("kept", "each", "mean"),
    [
        ([1, 0.95, 0.9, 0.93], S, S),
        ([1, 0.98, 0.5, 0.98], R, S),
        ([1, 0.8, 0.97, 0.97], U, S),  # at the mark
        ([1, 1.1, 1.05, 1.1], S, R),  # logic that is better is not weaker
        ([1, 1.0, 1.0, 1.0], S, U),
    ],
)
def test_margins_that_a_block_costs(kept, each, mean):
    table = margins(np.random.default_rng(1), kept)
    found = claim_tests.lost_by_single_blocks("grammar", table)
    assert verdicts(found) == [each]
    assert verdicts(claim_tests.logic_is_weaker(table)) == [mean]


@pytest.mark.parametrize(("share", "expected"), [(0.95, S), (0.1, R), (0.5, U)])
def test_label_bands(share, expected):
    rng = np.random.default_rng(0)
    labels = {label: texts(rng, share) for label in LABELS}
    found = claim_tests.label_bands(BLOCKS, labels, 12)
    assert verdicts(*found) == [expected] * 4
    assert "labelled meaning lost with 4 to 6 blocks" in found[1].test
    assert "labelled noise with 10 to 12 blocks" in found[3].test


def test_a_deeper_model_has_wider_quarters():
    blocks = np.array([0.0, 1, 5, 10, 20, 30])
    shares = {label: np.ones((5, 6, 6)) for label in LABELS}
    found = claim_tests.label_bands(blocks, shares, 30)
    assert ["with 1 to 7" in found[0].test, "with 23 to 30" in found[3].test] == [True, True]


def test_a_quarter_without_a_step_cannot_be_decided():
    blocks, shares = np.array([0.0, 1, 6, 12]), {label: np.ones((5, 6, 4)) for label in LABELS}
    found = claim_tests.label_bands(blocks, shares, 12)
    assert [one.why for one in found] == ["", "", "no step replaces 7 to 9 blocks", ""]


def one_label_each(rng, places, seeds=5, prompts=8, spread=0.7):
    """Labels (seeds, prompts, steps) that change at given places, a little apart in each text."""
    shifts = spread * rng.normal(size=(seeds, prompts, 1))
    index = sum((BLOCKS + shifts > place).astype(int) for place in places)
    return {label: (index == number) * 1.0 for number, label in enumerate(LABELS)}


def test_the_order_of_labels_is_tested_wherever_they_lie():
    rng = np.random.default_rng(0)
    for places in ((3.5, 6.5, 9.5), (1.5, 2.5, 4.5)):
        labels = one_label_each(rng, places)
        assert verdicts(*claim_tests.label_order(BLOCKS, labels, 1)) == [S, S, S]
    turned = dict(zip(reversed(LABELS), one_label_each(rng, (3.5, 6.5, 9.5)).values(), strict=True))
    turned = {label: turned[label] for label in LABELS}
    assert verdicts(*claim_tests.label_order(BLOCKS, turned, 1)) == [R, R, R]
    mixed = np.random.default_rng(1).integers(0, 4, (5, 8, STEPS))
    labels = {label: (mixed == number) * 1.0 for number, label in enumerate(LABELS)}
    assert verdicts(*claim_tests.label_order(BLOCKS, labels, 1)) == [U, U, U]


def test_a_label_that_does_not_occur_has_no_place_in_an_order():
    labels = one_label_each(np.random.default_rng(0), (3.5, 99, 99))
    found = claim_tests.label_order(BLOCKS, labels, 1)
    assert verdicts(*found) == [S, C, C]
    assert found[1].why == "0 texts labelled repetitive; needs 10"
    assert found[2].why == "0 texts labelled repetitive and 0 texts labelled noise; needs 10"
    few = {label: np.where(np.arange(8)[:, None] < 1, table, 0) for label, table in labels.items()}
    assert claim_tests.label_order(BLOCKS, few, 1)[0].why == ""  # 5 seeds, one prompt
    few["near normal"][1:] = 0
    assert claim_tests.label_order(BLOCKS, few, 1)[0].why.startswith("3 texts labelled near")
    assert claim_tests.label_order(BLOCKS, few, 4)[0].why == ""  # four sample seeds


@pytest.mark.parametrize(
    ("rises", "expected"),
    [
        (np.arange(1, 13) / 4, [S, S]),
        ([3.0, 1.0, 3.0, 1.0] + [2.9] * 2 + [3.0] * 6, [R, R]),
        # 1.08 up and 0.08 down, and more by chance; a fifth of it after the middle
        ([0.2, 0.4, 0.6, 0.82, 0.74, 0.8, 0.84, 0.88, 0.92, 0.96, 0.98, 1.0], [U, U]),
    ],
)
def test_the_decline(rises, expected):
    nll = documents(np.random.default_rng(0), rises, count=60, spread=0.03)
    found = claim_tests.decline(BLOCKS, nll)
    assert verdicts(*found) == expected
    assert "after 6 blocks" in found[1].test


def test_a_decline_that_only_rises_is_monotone():
    nll = np.broadcast_to(1.0 + BLOCKS, (5, 9, STEPS)) + np.arange(9)[None, :, None]
    found, late = claim_tests.decline(BLOCKS, nll)
    assert (found.estimate.mean, found.estimate.low, found.estimate.high) == (1, 1, 1)
    assert late.estimate.mean == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("grammar", "inference", "expected"),
    [
        (falling(8.5, 0.05, 1, 0), falling(3.5, 0.05, 1, 0), [S, S]),
        (falling(3.5, 1.5, 1, 0), falling(8, 1.5, 1, 0), [R, R]),
        (falling(5.5, 0.05, 1, 0), falling(5.5, 0.05, 1, 0), [U, R]),
    ],
)
def test_two_stages(grammar, inference, expected):
    rng = np.random.default_rng(2)
    both = [margins(rng, grammar, items=80), margins(rng, inference, items=60)]
    found = claim_tests.meaning_first(*both), claim_tests.two_stages(BLOCKS, both)
    assert verdicts(*found) == expected


def test_stages_that_few_noisy_items_cannot_tell_are_undecided():
    rng = np.random.default_rng(0)
    curves = falling(6.5, 0.7, 1, 0), falling(6, 0.7, 1, 0)
    both = [margins(rng, curve, items=10, noise=6) for curve in curves]
    found = claim_tests.two_stages(BLOCKS, both)
    assert verdicts(claim_tests.meaning_first(*both), found) == [U, U]
    assert ": undecided (" in found.test


@pytest.mark.parametrize(
    ("share", "single", "expected"),
    [
        # damage of another matrix as a share of that of q; single damages (all blocks: 3)
        (2.0, 0.1, [S, S]),
        (0.1, 0.5, [R, R]),
        (0.2, 0.2, [U, U]),  # 3 / (12 * 0.2) = 5/4
    ],
)
def test_redundancy(share, single, expected):
    rng = np.random.default_rng(5)
    rises = np.linspace(0.5, 3, 12)
    q = documents(rng, rises, spread=0.3)
    tables = [documents(rng, share * rises, spread=0.3), documents(rng, [single] * 12, spread=0.3)]
    other, alone = (table + q[:, :, :1] - table[:, :, :1] for table in tables)
    found = claim_tests.not_only_in_q("v", other, q), claim_tests.backed_up(q, alone)
    assert verdicts(*found) == expected


def test_keys_are_compared_with_queries_whose_bias_is_replaced():
    q = documents(np.random.default_rng(0), [1.0, 2.0])
    assert "W_K / damage by replacing W_Q and b_Q;" in claim_tests.not_only_in_q("k", q, q).test
    assert "W_O / damage by replacing W_Q;" in claim_tests.not_only_in_q("o", q, q).test


@pytest.mark.parametrize(
    ("single", "expected"),
    [([0.3] * 12, S), ([3.0] + [0.02] * 11, R), ([0.5] * 6 + [0.0] * 6, U)],
)
def test_spread(single, expected):
    alone = documents(np.random.default_rng(3), single, spread=0.3)
    assert verdicts(claim_tests.spread(alone)) == [expected]


@pytest.mark.parametrize(("share", "expected"), [(1.0, S), (0.3, R), (2.0, R), (0.8, U), (1.25, U)])
def test_equal_halves(share, expected):
    rng = np.random.default_rng(3)
    start = documents(rng, [1.0])
    other = start.copy()
    other[:, :, 1:] += (share - 1) * (start[:, :, 1:] - start[:, :, :1])
    other[:, :, 1:] += 0.02 * rng.normal(size=(5, 1, 1))
    found = claim_tests.equal_halves("from the last one on", other, start, 6)
    assert verdicts(found) == [expected]
    assert found.test.startswith("damage of 6 blocks from the last one on / damage of the first 6")


def test_differences_of_curves_are_covered():
    """1,000 data sets of the size of the default run: 5 seeds, 50 pairs and 24 passages."""
    rng = np.random.default_rng(6)
    curves = falling(7, 2, 1, 0), falling(4, 2, 1, 0)
    truth = float(np.mean(curves[0][1:] - curves[1][1:]))
    covered = 0
    for _ in range(1000):
        both = [margins(rng, curve, items=n) for curve, n in zip(curves, (50, 24), strict=True)]
        found = claim_tests.meaning_first(*both).estimate
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_a_verdict_is_rarely_wrong_where_the_truth_is_at_the_mark():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(400):
        one = documents(rng, [1.0, 2.0])
        rise = one[:, :, 1:] - one[:, :, :1]
        other = one[:, :, 1:] + rise * (0.2 * rng.normal(size=(5, 1, 1)) - 0.2)
        other = np.concatenate([one[:, :, :1], other], axis=2)
        ratio = claim_tests.damage_ratio(other, one)
        found += verdicts(holm.in_range("C4", "", ratio, -np.inf, 0.8))
    assert found.count(S) / 400 < 0.05
    assert found.count(R) / 400 < 0.05
