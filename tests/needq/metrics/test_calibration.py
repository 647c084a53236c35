"""Reference texts: each kind is what it is called."""

import itertools

import numpy as np
import pandas
import pytest
from made_up_texts import VOCABULARY
from needq.metrics import calibration
from scipy import stats


def grams(rows, n):
    found = set()
    for prompt, tokens in rows:
        text = [*prompt, *tokens]
        found |= {tuple(text[place : place + n]) for place in range(len(text) - n + 1)}
    return found


def test_each_text_has_a_reference_text_of_every_kind_as_long_as_itself(own, made):
    assert len(made) == 40 * len(calibration.KINDS)
    for source, part in made.groupby("source"):
        assert list(part["kind"]) == list(calibration.KINDS)
        assert set(part["tokens"].map(len)) == {len(own[source][1])}
        assert set(part["held_out"]) == {source >= 20}
    assert list(made["tokens"][made["kind"] == "own"]) == [tokens for _, tokens in own]
    again = calibration.make_reference_texts(own, VOCABULARY)
    pandas.testing.assert_frame_equal(made, again)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_resampling_has_the_n_grams_of_its_half_alone(own, made, order):
    for held_out, half in ((False, own[:20]), (True, own[20:])):
        part = made[(made["kind"] == f"order {order}") & (made["held_out"] == held_out)]
        known = grams(half, order + 1)
        for source, tokens in zip(part["source"], part["tokens"], strict=True):
            mine = grams([(own[source][0][3 - order :], tokens)], order + 1)
            jumps = sum(gram not in known for gram in mine)
            # a context that ends every text in which it occurs has no follower
            assert jumps == 0 or (order == 2 and jumps <= 2)
        text = grams([(own[0][0][:0], tokens) for tokens in part["tokens"]], order + 2)
        assert len(text - grams(half, order + 2)) > 5  # and makes new ones beyond that


def test_followers_come_as_often_as_in_the_texts():
    # after 1 comes 2 three times in four
    half = [([0], [1, 2, 1, 2, 1, 2, 1, 3] * 10)]
    made = calibration.make_reference_texts(half * 60, 5)
    texts = made["tokens"][made["kind"] == "order 1"]
    after = [b for text in texts for a, b in itertools.pairwise(text) if a == 1]
    assert abs(np.mean(np.array(after) == 2) - 0.75) < 4.5 * (0.1875 / len(after)) ** 0.5


def test_a_loop_repeats_a_part_at_least_three_times(own, made):
    periods = set()
    part = made[(made["kind"] == "loop") & (made["tokens"].map(len) == 40)]
    for source, tokens in zip(part["source"], part["tokens"], strict=True):
        period = next(p for p in range(1, 41) if tokens[10 + p :] == tokens[10:-p])
        assert period <= 10
        assert set(tokens) <= set(own[source][1][:20])
        periods.add(period)
    assert len(periods) >= 6


def test_uniform_tokens_are_uniform(made):
    tokens = np.concatenate(list(made["tokens"][made["kind"] == "uniform"]))
    counts = np.bincount(tokens, minlength=VOCABULARY)
    assert len(counts) == VOCABULARY
    assert stats.chisquare(counts).pvalue > 1e-3
