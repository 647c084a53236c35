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
    flip_chances,
    flip_tables,
    place_test,
    token_test,
)
from needq.inference.draws import draw_tokens
from scipy import stats


def chances(margins, error=0.1, temperature=1.0, exits=numpy.inf, entries=numpy.inf):
    size = len(margins)
    edges = numpy.broadcast_to(exits, size), numpy.broadcast_to(entries, size)
    return flip_chances(margins, *edges, error, temperature)


def test_a_token_flips_by_its_margin_or_over_an_edge():
    margins, exits, entries = [0.3, 0.01, 5.0], [5.0, 0.2, 5.0], [5.0, 5.0, 0.1]
    found = chances(margins, exits=exits, entries=entries)
    for chance, *leads in zip(found, margins, exits, entries, strict=True):
        stays = [stats.norm.cdf(lead / 0.1) for lead in leads]
        assert chance == pytest.approx(1 - stays[0] * stays[1] * stays[2], rel=1e-12)


def test_a_text_diverges_at_its_first_flip():
    flips = numpy.array([0.3, 0.01, 0.2])
    wanted = [flips[0], (1 - flips[0]) * flips[1], (1 - flips[0]) * (1 - flips[1]) * flips[2]]
    numpy.testing.assert_allclose(first_flips(flips), wanted)


def test_temperature_divides_the_error_of_margins_alone():
    numpy.testing.assert_allclose(chances([0.1, 0.4], 0.2, 2.0), chances([0.1, 0.4], 0.1))
    edges = {"exits": [0.1, 0.4], "margins": [9.0, 9.0]}
    numpy.testing.assert_array_equal(chances(**edges, temperature=2.0), chances(**edges))


def test_without_error_nothing_diverges():
    assert chances([0.1, 0.2], 0.0, exits=0.0).tolist() == [0, 0]


def test_at_temperature_0_margins_are_leads_of_logits():
    numpy.testing.assert_array_equal(chances([0.1, 0.4], temperature=0.0), chances([0.1, 0.4]))


def test_token_test_is_that_of_a_sum_of_flips():
    chance = numpy.full(200, 0.1)
    flipped = numpy.arange(200) < 32
    wanted = 2 * stats.norm.sf(12 / numpy.sqrt(200 * 0.1 * 0.9))
    assert token_test(flipped, chance) == pytest.approx(wanted)
    assert numpy.isnan(token_test(flipped, chance / 10))


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
    numpy.testing.assert_allclose(count_distribution(chances), wanted, rtol=1e-12, atol=1e-300)


def test_count_distribution_of_many_tokens_is_near_poissons():
    found = count_distribution(numpy.full(20_001, 1e-3))
    # Le Cam (1960): the sum of absolute differences is at most twice the sum of squared chances
    wanted = stats.poisson.pmf(numpy.arange(len(found)), 20.001)
    assert len(found) == 20_002
    assert numpy.abs(found - wanted).sum() < 2 * 20_001 * 1e-6
    numpy.testing.assert_allclose(found.sum(), 1, rtol=1e-12)


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


def simulated(error, claimed, texts=300, tokens=30, vocabulary=100, **limits):
    """Texts drawn twice by keyed races, the second time from logits with normal errors.

    `claimed` is the logit error that the divergence reports.
    """
    random = numpy.random.default_rng(0)
    rows, diffs = [], []
    for text in range(texts):
        logits = 2 * random.normal(size=(tokens, vocabulary))
        keys = [draw_key(0, f"text {text}", position) for position in range(tokens)]
        one = draw_tokens(torch.from_numpy(logits), keys, **limits)
        # the difference of two tokens' errors has the standard deviation `error`
        nearby = logits + random.normal(0, error / 2**0.5, logits.shape)
        other = draw_tokens(torch.from_numpy(nearby), keys, **limits)
        (apart,) = numpy.nonzero(one.tokens != other.tokens)
        key = {"sweep": "s", "intervention": "q/s/01", "noise_seed": 0, "prompt": text}
        key |= {"sample_seed": 0}
        exits, entries = one.edges
        rows.append(key | {"margins": one.margins, "exits": exits, "entries": entries})
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
LIMITS = [{}, {"top_k": 20}, {"top_p": 0.9}, {"top_k": 50, "top_p": 0.8}]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("error", [0.01, 0.05])
def test_the_prediction_holds_for_races_with_normal_errors(error, limits):
    table, places, margins = flip_tables(*simulated(error, error, **limits), *SETTINGS)
    total = table.iloc[0]
    assert total["diverged"] > 5
    assert total["p_value"] > 0.01
    assert not total["place_p_value"] < 0.01
    assert not total["token_p_value"] < 0.01
    assert places["diverged"].sum() == total["diverged"]
    assert places["predicted"].sum() == pytest.approx(total["predicted"])
    assert margins["flipped"].sum() == total["diverged"]
    # six ranges in eight cases: one 95% interval or another may miss
    far = (margins["flipped"] - margins["predicted"]).abs()
    assert (far <= 1 + 3 * margins["predicted"] ** 0.5).all()


def test_without_the_edges_the_prediction_is_too_low():
    texts, divergence = simulated(0.1, 0.1, texts=400, top_k=5)
    far = [numpy.full(30, numpy.inf)] * len(texts)
    with_edges = flip_tables(texts, divergence, *SETTINGS).flips.iloc[0]
    without = flip_tables(texts.assign(exits=far, entries=far), divergence, *SETTINGS).flips.iloc[0]
    assert with_edges["p_value"] > 0.01
    assert without["p_value"] < 0.01
    assert without["token_p_value"] < 0.01
    assert without["diverged"] > without["predicted_high"]


@pytest.mark.parametrize("factor", [1 / 3, 3])
def test_a_wrong_error_is_found_out(factor):
    table, _, margins = flip_tables(*simulated(0.1, 0.1 * factor), *SETTINGS)
    assert table.iloc[0]["p_value"] < 1e-4
    assert table.iloc[0]["token_p_value"] < 1e-4
    outside = margins["flipped"].between(margins["predicted_low"], margins["predicted_high"])
    assert not outside.all()


def test_every_token_up_to_the_first_flip_is_in_one_row_of_margins():
    texts, divergence = simulated(0.1, 0.1, texts=20)
    margins = flip_tables(texts, divergence, *SETTINGS).margins
    first = divergence["first_divergent_token"]
    assert margins["tokens"].sum() == first.add(1).fillna(30).sum()
    equal = divergence.assign(logit_error=0.0, identical=True, first_divergent_token=None)
    margins = flip_tables(texts, equal, *SETTINGS).margins
    assert margins["tokens"].tolist() == [0] * 5 + [600]
    assert margins["predicted"].sum() == margins["flipped"].sum() == 0


def test_the_table_has_its_columns_and_a_row_for_each_number_of_blocks():
    texts, divergence = simulated(0.1, 0.1, texts=20)
    divergence["blocks_replaced"] = [0, 5] * 10
    table, places, margins = flip_tables(texts, divergence, *SETTINGS)
    assert list(table) == list(columns.FLIPS)
    assert list(places) == list(columns.FLIP_PLACES)
    assert list(margins) == list(columns.FLIP_MARGINS)
    assert table["blocks_replaced"].tolist() == [pandas.NA, 0, 5]
    assert table["texts"].tolist() == [20, 10, 10]
    assert table["diverged"].iloc[0] == table["diverged"].iloc[1:].sum()
    assert table["predicted"].iloc[0] == pytest.approx(table["predicted"].iloc[1:].sum())
