"""Predicted flips: the arithmetic against naive loops, the predictions against races."""

import numpy
import pandas
import pytest
import torch
from needq.common import columns
from needq.corrupt.keyed import draw_key
from needq.divergence.flips import (
    count_distribution,
    count_test,
    first_flips,
    flips_tables,
    place_test,
)
from needq.inference.draws import draw_tokens
from scipy import stats


def test_a_text_diverges_at_its_first_flip():
    margins, error = [0.3, 0.01, 0.2], 0.1
    flips = [stats.norm.sf(margin / error) for margin in margins]
    wanted = [flips[0], (1 - flips[0]) * flips[1], (1 - flips[0]) * (1 - flips[1]) * flips[2]]
    numpy.testing.assert_allclose(first_flips(margins, error, 1.0), wanted)


def test_temperature_divides_the_error():
    numpy.testing.assert_allclose(
        first_flips([0.1, 0.4], 0.2, 2.0), first_flips([0.1, 0.4], 0.1, 1.0)
    )


def test_without_error_nothing_diverges():
    assert first_flips([0.1, 0.2], 0.0, 1.0).tolist() == [0, 0]


def test_at_temperature_0_margins_are_leads_of_logits():
    numpy.testing.assert_array_equal(
        first_flips([0.1, 0.4], 0.1, 0.0), first_flips([0.1, 0.4], 0.1, 1.0)
    )


def test_count_distribution_is_the_binomial_where_chances_are_equal():
    found = count_distribution([0.3] * 20)
    numpy.testing.assert_allclose(found, stats.binom.pmf(range(21), 20, 0.3), atol=1e-15)
    assert count_distribution([]).tolist() == [1]


@pytest.mark.parametrize("largest", [1e-6, 0.1, 1.0])
def test_count_distribution_is_that_of_a_convolution(largest):
    chances = largest * numpy.random.default_rng(0).random(366)
    wanted = numpy.ones(1)
    for chance in chances:
        wanted = numpy.convolve(wanted, [1 - chance, chance])
    numpy.testing.assert_allclose(count_distribution(chances), wanted, rtol=1e-12, atol=0)


def test_a_chance_that_rounding_puts_above_1_counts_as_1():
    numpy.testing.assert_allclose(count_distribution([1 + 1e-15, 0.5]), [0, 0.5, 0.5])


def test_count_test_is_the_binomial_test():
    for observed in (0, 3, 6, 12, 20):
        found = count_test(observed, [0.3] * 20)
        below, above = stats.binom.cdf(observed, 20, 0.3), stats.binom.sf(observed - 1, 20, 0.3)
        assert found["p_value"] == pytest.approx(min(1, 2 * min(below, above)))
        low, high = stats.binom.ppf([0.025, 0.975], 20, 0.3)
        assert (found["predicted_low"], found["predicted_high"]) == (low, high)
        assert found["predicted"] == pytest.approx(6)


def test_place_test_is_pearsons():
    diverged, predicted = numpy.array([8, 2, 4, 9]), numpy.array([5.0, 1.0, 6.0, 7.0])
    # bins: token 0; tokens 1 and 2; token 3; never
    wanted = stats.chisquare([8, 6, 9, 77], [5, 7, 7, 81]).pvalue
    assert place_test(diverged, predicted, 100) == pytest.approx(wanted)
    assert numpy.isnan(place_test(diverged, predicted / 10, 100))
    # a last bin too small is folded into the one before
    wanted = stats.chisquare([8, 6, 9], [5, 7, 11]).pvalue
    assert place_test(diverged, predicted, 23) == pytest.approx(wanted)


def simulated(error, claimed, texts=120, tokens=30, vocabulary=200):
    """Texts drawn twice by keyed races, the second time from logits with normal errors.

    `claimed` is the logit error that the divergence reports.
    """
    random = numpy.random.default_rng(0)
    rows, diffs = [], []
    for text in range(texts):
        logits = 2 * random.normal(size=(tokens, vocabulary))
        keys = [draw_key(0, f"text {text}", position) for position in range(tokens)]
        one = draw_tokens(torch.from_numpy(logits), keys)
        # the difference of two tokens' errors has the standard deviation `error`
        nearby = logits + random.normal(0, error / 2**0.5, logits.shape)
        other = draw_tokens(torch.from_numpy(nearby), keys)
        (apart,) = numpy.nonzero(one.tokens != other.tokens)
        key = {"sweep": "s", "intervention": "q/s/01", "noise_seed": 0, "prompt": text}
        key |= {"sample_seed": 0}
        rows.append(key | {"margins": one.margins})
        diffs.append(
            key
            | {
                "blocks_replaced": 1,
                "left": "one",
                "right": "two",
                "identical": not len(apart),
                "first_divergent_token": apart[0] if len(apart) else None,
                "logit_error": claimed,
            }
        )
    return pandas.DataFrame(rows), pandas.DataFrame(diffs)


SETTINGS = (1.0, 30)  # temperature, max_new_tokens


@pytest.mark.parametrize("error", [0.01, 0.1])
def test_the_prediction_holds_for_races_with_normal_errors(error):
    table, places = flips_tables(*simulated(error, error), *SETTINGS)
    total = table.iloc[0]
    assert total["diverged"] > 5
    assert total["p_value"] > 0.01
    assert total["predicted_low"] <= total["diverged"] <= total["predicted_high"]
    assert not total["place_p_value"] < 0.01
    assert places["diverged"].sum() == total["diverged"]
    assert places["predicted"].sum() == pytest.approx(total["predicted"])


@pytest.mark.parametrize("factor", [1 / 3, 3])
def test_a_wrong_error_is_found_out(factor):
    table, _ = flips_tables(*simulated(0.1, 0.1 * factor), *SETTINGS)
    assert table.iloc[0]["p_value"] < 1e-4


def test_the_table_has_its_columns_and_a_row_for_each_number_of_blocks():
    texts, divergence = simulated(0.1, 0.1, texts=20)
    divergence["blocks_replaced"] = [0, 5] * 10
    table, places = flips_tables(texts, divergence, *SETTINGS)
    assert set(table) == set(columns.FLIPS)
    assert list(places) == list(columns.FLIP_PLACES)
    assert table["blocks_replaced"].tolist() == [pandas.NA, 0, 5]
    assert table["texts"].tolist() == [20, 10, 10]
    assert table["diverged"].iloc[0] == table["diverged"].iloc[1:].sum()
    assert table["predicted"].iloc[0] == pytest.approx(table["predicted"].iloc[1:].sum())
