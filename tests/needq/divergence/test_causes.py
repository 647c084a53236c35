"""What each cause does: Shapley values by brute force, tests by hand, and the H200's own texts."""

import itertools
from math import comb
from pathlib import Path

import numpy
import pytest
from needq.common import columns
from needq.common.keys import TOO_SMALL
from needq.divergence.causes import cause_table, corner_table, effects, mcnemar, shapley_weights
from needq.divergence.diff import first_divergent
from needq.plan.corners import ALL, ALONE, CAUSES, LAST, SHARE, causes_of
from pandas import DataFrame, read_csv
from pandas.testing import assert_frame_equal
from pyarrow import parquet
from scipy import stats

N, D, A = CAUSES
EMPTY = frozenset()
ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests/data"


def value(weights, shares):
    """An effect, from the share of texts that diverge at each corner."""
    return sum(weight * shares[corner] for corner, weight in weights.items())


def made_up(causes, seed):
    """A share for every corner; 0 for the left backend itself."""
    rng = numpy.random.default_rng(seed)
    sizes = range(1, len(causes) + 1)
    some = [frozenset(s) for size in sizes for s in itertools.combinations(causes, size)]
    return {EMPTY: 0.0} | {corner: float(rng.random()) for corner in some}


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_shapley_share_is_the_mean_over_all_orders(count, seed):
    causes = CAUSES[:count]
    shares, whole = made_up(causes, seed), frozenset(causes)
    orders = list(itertools.permutations(causes))
    assert len(orders) == (1, 2, 6)[count - 1]
    total = 0
    for cause in causes:
        added = []
        for order in orders:
            before = frozenset(order[: order.index(cause)])
            added.append(shares[before | {cause}] - shares[before])
        found = value(shapley_weights(cause, whole), shares)
        assert found == pytest.approx(numpy.mean(added))
        total += found
    assert total == pytest.approx(shares[whole])


def test_alone_and_last_removed():
    shares, whole = made_up(CAUSES, 9), frozenset(CAUSES)
    found = {(cause, effect): value(w, shares) for cause, effect, w in effects(whole)}
    assert list(found) == [
        *((cause, effect) for cause in CAUSES for effect in (ALONE, LAST, SHARE)),
        (ALL, ALONE),
    ]
    for cause in CAUSES:
        assert found[cause, ALONE] == shares[frozenset({cause})]
        assert found[cause, LAST] == shares[whole] - shares[whole - {cause}]
    assert found[ALL, ALONE] == shares[whole]
    only = {effect: value(w, shares) for _, effect, w in effects(frozenset({N}))}
    assert len(set(only.values())) == 1  # with one cause, all effects are the same


def ledger_texts(seeds=5, prompts=6, chances=((N, 0.5), (D, 1), ("noise + token draws", 1))):
    """`ledger_texts.tsv` of one pair; texts of one block are those of the pristine model."""
    rng = numpy.random.default_rng(3)
    rows = []
    for corner, chance in chances:
        for prompt in range(prompts):
            for blocks, seed in [(0, None), *itertools.product((1, 6, 12), range(seeds))]:
                row = dict.fromkeys(columns.LEDGER_TEXTS, 1.0)
                same = bool(rng.random() >= chance)
                row |= {"left": "a", "right": "b", "corner": corner, "prompt": prompt}
                row |= {"intervention": f"q/s/{blocks:02d}", "noise_seed": seed, "sample_seed": 0}
                row |= {"identical": same, "first_divergent_token": None if same else 4}
                distinct = 0 if blocks < 2 else 1 + seed + blocks
                rows.append(row | {"distinct_text": distinct})
    return DataFrame(rows).astype({"noise_seed": "Int64", "first_divergent_token": "Int64"})


def test_the_tables_are_a_few_lines_from_the_texts():
    texts = ledger_texts()
    corners = corner_table(texts).set_index("corner")
    assert list(corner_table(texts)) == list(columns.LEDGER_CORNERS)
    shares = {EMPTY: 0.0}
    for name, part in texts.groupby("corner"):
        shares[causes_of(name)] = 1 - part["identical"].mean()
        row = corners.loc[name]
        assert row["diverged_share"] == pytest.approx(shares[causes_of(name)])
        assert (row["texts"], row["noise_seeds"]) == (6 * 16, 5)
        assert row["distinct_texts"] == 6 * 11  # of 16: one of 0 or 1 blocks, ten of 6 or 12
        assert row["first_divergent_token"] == 4
    table = cause_table(texts)
    assert list(table) == list(columns.LEDGER)
    assert A not in set(table["cause"])  # it makes no difference here
    for row in table.itertuples():
        wanted = {(c, e): w for c, e, w in effects(frozenset({N, D}))}[row.cause, row.effect]
        assert row.estimate == pytest.approx(value(wanted, shares))
        assert row.low <= row.estimate <= row.high
        assert (row.prompts, row.distinct_texts) == (6, 66)
    found = table.set_index(["cause", "effect"])["estimate"]
    assert found[N, SHARE] + found[D, SHARE] == pytest.approx(found[ALL, ALONE])


def test_an_interval_has_a_width_where_all_texts_agree():
    table = cause_table(ledger_texts()).set_index(["cause", "effect"])
    sure = table.loc[(D, ALONE)]
    assert (sure["estimate"], sure["high"]) == (1, 1)
    # of 6 x 16^2 / (6^2 + 10) different texts less one, not of 96, with a likeness of 0.1
    of_prompt = 16**2 / 46
    n = (6 * of_prompt - 1) / (1 + 0.1 * (of_prompt - 1))
    assert sure["low"] == pytest.approx(1 / (1 + 1.95996**2 / n))
    none = table.loc[(N, LAST)]  # token draws alone make all texts diverge
    assert (none["estimate"], none["p_value"]) == (0, 1)
    assert none["high"] == -none["low"]
    assert 0.13 < none["high"] < 0.16


@pytest.mark.parametrize(("seeds", "prompts"), [(4, 6), (5, 1)])
def test_too_few_seeds_or_prompts_are_said(seeds, prompts):
    texts = ledger_texts(seeds, prompts)
    for table in (cause_table(texts), corner_table(texts)):
        assert {*table["low"], *table["high"]} == {TOO_SMALL}
    assert cause_table(texts)["p_value"].isna().all()


def test_mcnemar_counts_different_texts_once():
    texts = DataFrame({"prompt": [0] * 9 + [1] * 3, "sample_seed": 0})
    texts["distinct_text"] = [0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 1, 2]
    change = numpy.array([1, 1, 1, 1, 1, 1, -1, 0, 0, 1, 1, 1.0])
    # seven different texts change one way, one the other way: two tails of a fair coin's 8 throws
    assert mcnemar(change, texts) == pytest.approx(2 * (comb(8, 0) + comb(8, 1)) / 2**8)
    assert mcnemar(0 * change, texts) == 1


@pytest.mark.parametrize(("more", "fewer"), itertools.product(range(0, 13, 3), range(0, 41, 8)))
def test_mcnemar_is_the_binomial_test_of_scipy(more, fewer):
    change = numpy.array([1] * more + [-1] * fewer + [0] * 5)
    texts = DataFrame({"prompt": 0, "sample_seed": 0, "distinct_text": range(len(change))})
    wanted = stats.binomtest(more, more + fewer).pvalue if more + fewer else 1
    assert mcnemar(change, texts) == pytest.approx(wanted, rel=1e-12)


def test_every_text_of_the_h200_diverges_by_its_token_draws_alone():
    by_key = {}
    for name in ("h200_texts", "h200_cpu_texts"):
        for row in parquet.read_table(DATA / f"{name}.parquet").to_pylist():
            if row.get("noise", "keyed") == "keyed":
                key = (row["intervention"], row["noise_seed"], row["prompt"], row["sample_seed"])
                by_key.setdefault(key, []).append(row["tokens"])
    places = [first_divergent(*texts) for texts in by_key.values()]
    assert len(places) == 366
    assert None not in places
    assert numpy.median(places) <= 1  # from the first or second token on


def test_the_shares_of_the_h200_are_those_that_a_cpu_predicts():
    table = read_csv(ROOT / "docs/evidence/pocket-gpt2-cuda/ledger.tsv", sep="\t")
    of_pair = table.set_index(["left", "right", "cause", "effect"])
    predicted = of_pair.loc["cpu_a", "predicted_cuda_a"]
    measured = of_pair.loc["cpu_a", "cuda_a"]
    assert len(predicted) == 7
    assert_frame_equal(measured.loc[predicted.index], predicted)
    arithmetic = measured.loc["arithmetic"]
    assert (arithmetic.estimate == 0).all()
    assert arithmetic.high.max() < 0.025


def test_the_shares_of_the_h200_follow_from_its_old_ledger():
    """From the steps of that run: which causes two backends still differ in, and their texts."""
    table = read_csv(ROOT / "docs/evidence/pocket-gpt2-h200/ledger.tsv", sep="\t")
    pair = table[(table["left"] == "one") & (table["right"] == "gpu")]
    seen = 1 - pair.set_index(["order", "step"])["identical_share"]
    shares = {
        EMPTY: seen["forwards", 5],
        frozenset(CAUSES): seen["forwards", 0],
        frozenset({D, A}): seen["forwards", 1],
        frozenset({A}): seen["forwards", 2],
        frozenset({N, D}): seen["backwards", 1],
        frozenset({N}): seen["backwards", 4],
        frozenset({D}): 1.0,  # the test above
    }
    shares[frozenset({N, A})] = shares[
        frozenset({N})
    ]  # not run then; arithmetic alone does nothing
    found = {cause: value(shapley_weights(cause, frozenset(CAUSES)), shares) for cause in CAUSES}
    assert {cause: round(share, 2) for cause, share in found.items()} == {N: 0.46, D: 0.54, A: 0.0}
