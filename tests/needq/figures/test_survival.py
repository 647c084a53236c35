"""The figure of survival: Kaplan-Meier curves of known texts."""

import numpy
import pandas
import pytest
from drawn import assert_same_bytes, words
from needq.divergence import survival
from needq.figures import survival as survival_figures
from needq.metrics import statistics
from scipy.stats import CensoredData, ecdf

COUNTS = (0, 1, 2, 3, 4)
# four texts: two part at the 2nd and the 6th token, one ends whole at the 4th, one at the 8th
TEXTS = ((1, 8), (None, 4), (5, 8), (None, 8))


def tables(pairs=(("a", "b"), ("a", "c")), texts=TEXTS):
    """`divergence.tsv` and `divergence_summary.tsv`, the same texts for each number of blocks."""
    rows, summary = [], []
    for left, right in (*pairs, ("a", "a")):
        for count in COUNTS:
            keys = {"left": left, "right": right, "intervention": f"q/cumulative/{count:02d}"}
            summary.append(keys | {"blocks_replaced": count})
            for prompt, (place, tokens) in enumerate(texts if left != right else ()):
                part = {"first_divergent_token": place, "tokens": tokens}
                part |= {"noise_seed": 0, "prompt": prompt, "sample_seed": 0}
                rows.append(keys | part | {"identical": place is None})
    names = [*summary[0], "first_divergent_token", "tokens", "identical"]
    names += ["noise_seed", "prompt", "sample_seed"]
    return pandas.DataFrame(rows, columns=names).drop(columns="blocks_replaced"), pandas.DataFrame(
        summary
    )


def draw(**settings):
    return survival_figures.draw_survival(*tables(**settings), cuda=False)


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(lambda: {"survival": draw()}, tmp_path)


def test_a_curve_falls_where_texts_part_and_counts_those_that_end_as_long_as_they_last():
    figure = draw()
    assert len(figure.axes) == 2
    curve = figure.axes[0].lines[0]
    # 3 of 4 are whole after 2 tokens; one ends; of the 2 left, 1 parts at the 6th
    assert curve.get_xdata().tolist() == [0, 2, 4, 6, 8]
    numpy.testing.assert_allclose(curve.get_ydata(), [1, 0.75, 0.75, 0.375, 0.375])


def test_there_are_curves_for_none_few_half_and_all_of_the_blocks():
    figure = draw()
    names = [curve.get_label() for curve in figure.axes[0].lines]
    assert names == ["0 (4 texts)", "1 (4 texts)", "2 (4 texts)", "4 (4 texts)"]
    text = words(figure)
    assert "a and b: 50% of texts stay identical" in text and "CUDA: not run" in text


def crossed(places, tokens=8):
    """Rows of `divergence.tsv`: `places` [seeds, prompts] has the tokens at which texts part."""
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
    parted = ~texts["identical"]
    curve = survival.survival_curve(texts)
    data = CensoredData(
        uncensored=texts.loc[parted, "first_divergent_token"] + 1,
        right=texts.loc[~parted, "tokens"].to_numpy(float),
    )
    wanted = ecdf(data).sf
    numpy.testing.assert_array_equal(curve["tokens"][1:], wanted.quantiles)
    numpy.testing.assert_allclose(curve["share"][1:], wanted.probabilities)


def test_bands_take_noise_seeds_and_prompts_as_random():
    """With one token at which texts part, the share is a mean over both factors."""
    rng = numpy.random.default_rng(1)
    places = numpy.where(rng.random((5, 6)) < [[0.1], [0.9], [0.3], [0.7], [0.5]], 2, numpy.nan)
    curve = survival.survival_curve(crossed(places)).set_index("tokens")
    whole = statistics.mean_of_crossed(numpy.isnan(places).astype(float))
    row = curve.loc[3]
    assert row["share"] == pytest.approx(whole.mean)
    spread = (whole.high - whole.mean) / abs(whole.mean * numpy.log(whole.mean))
    middle = numpy.log(-numpy.log(whole.mean))
    for end, sign in (("low", 1), ("high", -1)):
        assert row[end] == pytest.approx(numpy.exp(-numpy.exp(middle + sign * spread)), rel=1e-4)


def test_bands_hold_the_truth_where_noises_have_luck_of_their_own():
    """A noise's texts part with a chance of its own, uniform on 0 to 1; half part in the mean."""
    rng, held, runs = numpy.random.default_rng(2), 0, 300
    for _ in range(runs):
        parted = rng.random((5, 6)) < rng.random((5, 1))
        curve = survival.survival_curve(crossed(numpy.where(parted, 2, numpy.nan)))
        row = curve[curve["tokens"] == 3].iloc[0]
        held += row["low"] <= 0.5 <= row["high"]
    assert 0.92 <= held / runs <= 0.99  # as if independent, 0.77


def test_bands_stand_where_one_of_many_texts_parts_and_one_outlasts_the_rest():
    places = numpy.full((5, 60), numpy.nan)
    places[0, 0] = 2
    texts = crossed(places)
    texts.loc[299, "tokens"] = 9
    row = survival.survival_curve(texts).iloc[-1]
    assert row["share"] == pytest.approx(299 / 300) and row["low"] < row["share"] < row["high"]


def test_more_texts_of_a_prompt_are_not_more_prompts():
    rng = numpy.random.default_rng(3)
    texts = crossed(numpy.where(rng.random((5, 6)) < 0.5, 2, numpy.nan))
    again = pandas.concat([texts.assign(sample_seed=seed) for seed in range(3)])
    once, thrice = map(survival.survival_curve, (texts, again))
    pandas.testing.assert_frame_equal(once, thrice)


def test_there_is_no_band_without_noise():
    texts = crossed([[2, numpy.nan, 5]]).assign(noise_seed=numpy.nan)
    curve = survival.survival_curve(texts)
    numpy.testing.assert_allclose(curve["share"], [1, 2 / 3, 1 / 3, 1 / 3])
    assert curve["low"][1:].isna().all()


def test_texts_that_never_part_or_part_at_once_are_drawn():
    whole = draw(texts=((None, 8), (None, 8)))
    assert set(whole.axes[0].lines[0].get_ydata()) == {1}
    assert not whole.axes[0].collections
    parted = draw(texts=((0, 8), (0, 8)))
    assert parted.axes[0].lines[0].get_ydata().tolist() == [1, 0]
    assert "100% of texts stay identical" in words(whole)


def test_a_run_of_one_backend_has_nothing_to_compare():
    figure = draw(pairs=())
    assert "no pair of different backends was run" in words(figure)
