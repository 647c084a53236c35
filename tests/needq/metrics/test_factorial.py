"""The factorial of W_Q, W_K and W_V, against least squares and planted effects."""

from itertools import product

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.common import columns
from needq.metrics.factorial import effect, factorial_table, mixture_rises, together
from needq.plan.comparisons import MIXTURES, has_mixtures

SWEEPS = {mixture: f"sweep_{mixture}" for mixture in MIXTURES[1:]}
EFFECTS = ["W_Q", "W_K", "W_V", "W_Q x W_K", "W_Q x W_V", "W_K x W_V", "W_Q x W_K x W_V"]


def scores(rise_of, seeds=5, documents=30, counts=(6, 12), seed=0, noise=0.1):
    """Scores of every mixture; `rise_of` gives the mean rise of a mixture in so many blocks."""
    rng, rows = np.random.default_rng(seed), []
    pristine = 2 + 0.3 * rng.normal(size=documents)
    for mixture, sweep in SWEEPS.items():
        own = {"sweep": sweep, "intervention": f"{mixture}/{sweep}/00", "blocks_replaced": 0}
        for index, nll in enumerate(pristine):
            rows.append(own | {"noise_seed": None, "document": index, "nll": nll})
        for count, number in product(counts, range(seeds)):
            own = {"sweep": sweep, "intervention": f"{mixture}/{sweep}/{count:02d}"}
            own |= {"blocks_replaced": count, "noise_seed": number}
            rises = rise_of(mixture, count) + noise * rng.normal(size=documents)
            for index, nll in enumerate(pristine + rises):
                rows.append(own | {"document": index, "nll": nll})
    return pandas.DataFrame(rows).astype({"noise_seed": "Int64"})


def test_effects_are_those_of_least_squares():
    """Of a linear model whose factors are -1/2 and 1/2, times 2 per interaction's order."""
    rng = np.random.default_rng(1)
    rises = {mixture: rng.normal(size=(2, 3)) for mixture in MIXTURES}
    design = []
    for mixture in MIXTURES:
        q, k, v = ((matrix in mixture) - 0.5 for matrix in "qkv")
        design.append([1, q, k, v, q * k, q * v, k * v, q * k * v])
    for cell in np.ndindex(2, 3):
        found = np.linalg.solve(np.array(design), [rises[mixture][cell] for mixture in MIXTURES])
        for place, chosen in enumerate(("q", "k", "v", "qk", "qv", "kv", "qkv"), 1):
            assert effect(rises, chosen)[cell] == pytest.approx(found[place])


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_damages_that_add_up_do_not_interact(damages):
    of = dict(zip("qkv", damages, strict=True))
    rises = {m: np.full((1, 1), sum(of[matrix] for matrix in m)) for m in MIXTURES}
    for matrix in "qkv":
        assert effect(rises, matrix)[0, 0] == pytest.approx(of[matrix], abs=1e-9)
    for chosen in ("qk", "qv", "kv", "qkv"):
        assert effect(rises, chosen)[0, 0] == pytest.approx(0, abs=1e-9)


def test_the_table_finds_what_was_planted():
    """W_Q costs 1, W_V 0.5, and both together 0.4 more; nothing else does anything."""

    def rise_of(mixture, count):
        both = 0.4 if {"q", "v"} <= set(mixture) else 0
        return count / 12 * (("q" in mixture) + 0.5 * ("v" in mixture) + both)

    table = factorial_table(scores(rise_of, noise=0.03), SWEEPS)
    assert list(table) == list(columns.FACTORIAL)
    assert table["effect"].tolist() == EFFECTS * 2
    assert table["blocks_replaced"].tolist() == [6] * 7 + [12] * 7
    planted = [1.2, 0, 0.7, 0, 0.4, 0, 0]  # means over the states of the others
    ratios = table.set_index("effect")["ratio"].dropna()
    assert list(ratios.index) == ["W_Q x W_K", "W_Q x W_V", "W_K x W_V"] * 2
    np.testing.assert_allclose(ratios, [1, 1.9 / 1.5, 1] * 2, atol=0.03)
    for count, factor in ((6, 0.5), (12, 1)):
        own = table[table["blocks_replaced"] == count]
        np.testing.assert_allclose(own["rise"], np.multiply(planted, factor), atol=0.03)
        assert (own["rise_low"] - 0.03 < np.multiply(planted, factor)).all()
        assert (own["rise_high"] + 0.03 > np.multiply(planted, factor)).all()
    assert set(table["noise_seeds"]) == {5}
    assert set(table["documents"]) == {30}


def test_only_numbers_of_blocks_that_all_mixtures_have():
    rows = scores(lambda mixture, count: count)
    rows = rows[(rows["sweep"] != SWEEPS["kv"]) | (rows["blocks_replaced"] != 6)]
    found = mixture_rises(rows, SWEEPS)
    assert list(found) == [12]
    assert list(found[12]) == ["", *SWEEPS]
    np.testing.assert_allclose(found[12]["qv"].mean(), 12, atol=0.1)


@pytest.mark.parametrize("more", [0.6, 0.0, -0.3])
def test_the_ratio_of_both_to_the_sum_of_each(more):
    def rise_of(mixture, count):
        alone = ("q" in mixture) * 0.6 + ("v" in mixture) * 0.4
        return alone * (1 + more * ({"q", "v"} <= set(mixture)))

    rises = mixture_rises(scores(rise_of), SWEEPS)[6]
    found = together(rises, "qv")
    means = [rises[mixture].mean() for mixture in ("qv", "q", "v")]
    assert found.mean == pytest.approx(means[0] / (means[1] + means[2]))
    assert found.low < 1 + more < found.high
    assert found.high - found.low < 0.2


def test_mixtures_are_there_or_not():
    assert has_mixtures(SWEEPS | {"o": "outputs"})
    assert not has_mixtures({name: sweep for name, sweep in SWEEPS.items() if name != "qv"})
