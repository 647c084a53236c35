"""Survival: Kaplan-Meier estimates against SciPy's, and bands that cover the truth."""

import numpy
import pandas
import pytest
from needq.divergence.survival import survival_curve
from needq.metrics import statistics
from scipy.stats import CensoredData, ecdf


def crossed(places, tokens=8):
    """Rows of `divergence.tsv`: `places` [seeds, prompts] has the tokens at which texts diverge."""
    rows = [
        {"noise_seed": seed, "prompt": prompt, "first_divergent_token": place}
        for seed, own in enumerate(places)
        for prompt, place in enumerate(own)
    ]
    keys = {"intervention": "q/cumulative/01", "sample_seed": 0, "tokens": tokens}
    table = pandas.DataFrame(rows).assign(**keys)
    return table.assign(identical=table["first_divergent_token"].isna())


def test_shares_are_those_of_scipy():
    rng = numpy.random.default_rng(0)
    places = rng.integers(0, 40, (5, 8)).astype(float)
    places[places > 20] = numpy.nan
    texts = crossed(places).assign(tokens=rng.integers(10, 30, 40))
    diverged = ~texts["identical"]
    curve = survival_curve(texts)
    data = CensoredData(
        uncensored=texts.loc[diverged, "first_divergent_token"] + 1,
        right=texts.loc[~diverged, "tokens"].to_numpy(float),
    )
    wanted = ecdf(data).sf
    numpy.testing.assert_array_equal(curve["tokens"][1:], wanted.quantiles)
    numpy.testing.assert_allclose(curve["share"][1:], wanted.probabilities)


def test_bands_take_noise_seeds_and_prompts_as_random():
    """With one token at which texts diverge, the share is a mean over both factors."""
    rng = numpy.random.default_rng(1)
    places = numpy.where(rng.random((5, 6)) < [[0.1], [0.9], [0.3], [0.7], [0.5]], 2, numpy.nan)
    curve = survival_curve(crossed(places)).set_index("tokens")
    whole = statistics.mean_of_crossed(numpy.isnan(places).astype(float))
    row = curve.loc[3]
    assert row["share"] == pytest.approx(whole.mean)
    spread = (whole.high - whole.mean) / abs(whole.mean * numpy.log(whole.mean))
    middle = numpy.log(-numpy.log(whole.mean))
    for end, sign in (("low", 1), ("high", -1)):
        assert row[end] == pytest.approx(numpy.exp(-numpy.exp(middle + sign * spread)), rel=1e-4)


def test_bands_hold_the_truth_where_noises_have_luck_of_their_own():
    """Texts diverge with a chance of their own for each noise, uniform on 0 to 1; half do in the
    mean.
    """
    rng, held, runs = numpy.random.default_rng(2), 0, 300
    for _ in range(runs):
        diverged = rng.random((5, 6)) < rng.random((5, 1))
        curve = survival_curve(crossed(numpy.where(diverged, 2, numpy.nan)))
        row = curve[curve["tokens"] == 3].iloc[0]
        held += row["low"] <= 0.5 <= row["high"]
    assert 0.92 <= held / runs <= 0.99  # as if independent, 0.77


def test_there_are_bands_where_one_of_many_texts_diverges_and_one_outlasts_the_rest():
    places = numpy.full((5, 60), numpy.nan)
    places[0, 0] = 2
    texts = crossed(places)
    texts.loc[299, "tokens"] = 9
    row = survival_curve(texts).iloc[-1]
    assert row["share"] == pytest.approx(299 / 300)
    assert row["low"] < row["share"] < row["high"]


def test_more_texts_of_a_prompt_are_not_more_prompts():
    rng = numpy.random.default_rng(3)
    texts = crossed(numpy.where(rng.random((5, 6)) < 0.5, 2, numpy.nan))
    again = pandas.concat([texts.assign(sample_seed=seed) for seed in range(3)])
    once, thrice = map(survival_curve, (texts, again))
    pandas.testing.assert_frame_equal(once, thrice)


def test_there_is_no_band_without_noise():
    texts = crossed([[2, numpy.nan, 5]]).assign(noise_seed=numpy.nan)
    curve = survival_curve(texts)
    numpy.testing.assert_allclose(curve["share"], [1, 2 / 3, 1 / 3, 1 / 3])
    assert curve["low"][1:].isna().all()
