"""Graded reference texts are damaged as far as they say."""

import itertools

import numpy as np
import pandas
import pytest
from needq.metrics import graded_texts
from needq.metrics.graded_texts import CONTEXTUAL, LOCAL, REPETITION


@pytest.fixture(scope="module")
def texts(own):
    return graded_texts.make_graded_texts(own)


def test_each_axis_has_every_share_in_both_halves(own, texts):
    assert list(texts) == ["kind", "source", "held_out", "tokens", "share"]
    for (_, kind), part in texts.groupby(["held_out", "kind"]):
        assert kind in graded_texts.AXES
        assert set(part["share"]) == {step / 10 for step in range(1, 11)}
    assert (texts["held_out"] == (texts["source"] >= 20)).all()
    lengths = [len(own[source][1]) for source in texts["source"]]
    assert texts["tokens"].map(len).tolist() == lengths
    pandas.testing.assert_frame_equal(texts, graded_texts.make_graded_texts(own))


def test_local_damage_changes_its_share_of_tokens(own, texts):
    changed = []
    for row in texts[texts["kind"] == LOCAL].itertuples():
        tokens = own[row.source][1]
        different = np.mean(np.array(row.tokens) != tokens)
        assert different <= round(row.share * len(tokens)) / len(tokens) + 1e-9
        changed.append(different / row.share)
        assert set(row.tokens) <= {*range(31), 2, 3}
    assert np.mean(changed) > 0.7  # a token drawn by its frequency may be the same


def test_contextual_damage_keeps_neighbours_and_jumps_its_share_of_times(own, texts):
    for held_out, half in ((False, own[:20]), (True, own[20:])):
        pairs = {pair for p, n in half for pair in itertools.pairwise([*p, *n])}
        part = texts[(texts["kind"] == CONTEXTUAL) & (texts["held_out"] == held_out)]
        unknown = 0
        for row in part.itertuples():
            tokens = [3, *row.tokens]
            unknown += sum(pair not in pairs for pair in itertools.pairwise(tokens))
        # after the end of a text, one goes on as after the prompt
        assert unknown <= 0.05 * part["tokens"].map(len).sum()
    little = texts[(texts["kind"] == CONTEXTUAL) & (texts["share"] == 0.1)]
    for row in little.itertuples():
        same = np.array(row.tokens) == np.array(own[row.source][1])
        assert same[: int(np.argmin(same)) or None].all()


def test_repetition_is_at_the_end_and_has_a_period(own, texts):
    for row in texts[texts["kind"] == REPETITION].itertuples():
        prompt, tokens = own[row.source]
        count = round(row.share * len(tokens))
        kept = len(tokens) - count
        assert row.tokens[:kept] == list(tokens[:kept])
        whole = [*prompt, *row.tokens]
        begin = len(prompt) + kept
        periods = range(1, max(len(tokens) // 4, 1) + 1)
        assert any(
            all(whole[place] == whole[place - p] for place in range(max(begin, p), len(whole)))
            for p in periods
        )
