"""Edges of top_k and top_p: against naive loops, and against draws from logits with errors."""

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.corrupt.keyed import draw_key, uniform
from needq.inference.draws import draw_tokens
from scipy import stats


def draw(logits, keys, **limits):
    return draw_tokens(torch.from_numpy(logits), keys, **limits)


def keys(count, name="edges"):
    return [draw_key(0, name, position) for position in range(count)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.5, 1.0, 1.7]))
def test_the_edge_of_top_k_is_that_of_a_naive_loop(seed, top_k, temperature):
    logits = numpy.random.default_rng(seed).normal(0, 1, (6, 30))
    # rows come twice, as under two interventions
    draws = draw(logits, keys(3), top_k=top_k, temperature=temperature)
    for row, values in enumerate(logits):
        exponential = -numpy.log(uniform(keys(3)[row % 3], 30))
        race = values / temperature - numpy.log(exponential)
        inside, outside = numpy.argsort(-values)[:top_k], numpy.argsort(-values)[top_k:]
        winner = max(inside, key=lambda token: race[token])
        assert draws.tokens[row] == winner
        assert draws.edges.exits[row] == pytest.approx(values[winner] - values[outside].max())
        rivals = [token for token in outside if race[token] > race[winner]]
        wanted = min([values[inside].min() - values[token] for token in rivals], default=numpy.inf)
        assert draws.edges.entries[row] == pytest.approx(wanted)


def test_crossing_an_edge_changes_the_token():
    logits = numpy.random.default_rng(0).normal(0, 1, (400, 60))
    draws = draw(logits, keys(400), top_k=20)
    row = numpy.arange(400)
    for beyond, changes in ((0.99, False), (1.01, True)):
        lower = logits.copy()
        # no other token loses if only the winner falls, so its margin has to be larger
        lower[row, draws.tokens] -= draws.edges.exits * beyond
        far = draws.margins > draws.edges.exits * beyond
        assert far.sum() > 20
        fell = draw(lower, keys(400), top_k=20).tokens != draws.tokens
        assert (fell[far] == changes).all()


def test_without_limits_there_is_no_edge():
    logits = numpy.random.default_rng(0).normal(0, 1, (5, 9))
    for limits in ({}, {"top_k": 9}, {"top_k": 20}, {"temperature": 0.0, "top_k": 3}):
        assert numpy.isinf(draw(logits, keys(5), **limits).edges).all()


def test_top_k_does_not_decide_where_top_p_keeps_fewer():
    logits = numpy.log([[0.6, 0.3, 0.05, 0.03, 0.02]]).repeat(50, 0)
    both = draw(logits, keys(50), top_k=4, top_p=0.5)
    assert (both.tokens == 0).all()
    # the most probable token stays until its logit falls below that of the next
    numpy.testing.assert_allclose(both.edges.exits, numpy.log(2))
    # probabilities within the four; a larger sum puts the second one far from 0.5
    alone = draw(logits[:, :4], keys(50), top_p=0.5)
    assert (alone.tokens == 0).all()
    numpy.testing.assert_allclose(alone.edges.exits, both.edges.exits)


LIMITS = [{"top_k": 5}, {"top_k": 50}, {"top_p": 0.5}, {"top_p": 0.9}, {"top_k": 20, "top_p": 0.8}]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_chances_of_a_flip_are_those_of_draws_from_logits_with_errors(limits, temperature):
    rows, error = 20_000, 0.04
    random = numpy.random.default_rng(1)
    logits = random.normal(0, 1.5, (rows, 100))
    limits = limits | {"temperature": temperature}
    draws = draw(logits, keys(rows), **limits)
    nearby = logits + random.normal(0, error / 2**0.5, logits.shape)
    flipped = (draw(nearby, keys(rows), **limits).tokens != draws.tokens).sum()
    leads = [draws.margins * temperature, *draws.edges]
    stays = [stats.norm.cdf(lead / error) for lead in leads]
    chance = 1 - numpy.prod(stays, axis=0)
    deviation = numpy.sqrt((chance * (1 - chance)).sum())
    assert abs(flipped - chance.sum()) < 3 * deviation
    # margins alone are too few
    assert flipped - (1 - stays[0]).sum() > 3 * deviation
