import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from needq.corrupt.keyed import draw_key, uniform
from needq.inference import draws as drawing
from needq.inference.draws import NonFiniteLogitsError, in_nucleus, kept_tokens
from scipy import stats

random = numpy.random.default_rng(0)


def draw_tokens(logits, *arguments, **limits):
    """One token for each row of an array of logits."""
    return drawing.draw_tokens(torch.from_numpy(logits), *arguments, **limits)


def keys(count, seed=0):
    return [draw_key(seed, "Once upon a time", position) for position in range(count)]


def test_draws_follow_the_probabilities():
    logits = random.normal(0, 1.5, 8)
    probabilities = numpy.exp(logits / 0.7) / numpy.exp(logits / 0.7).sum()
    tokens = draw_tokens(numpy.tile(logits, (20_000, 1)), keys(20_000), temperature=0.7).tokens
    counts = numpy.bincount(tokens, minlength=8)
    assert stats.chisquare(counts, probabilities * 20_000).pvalue > 1e-3


def test_a_draw_is_the_exponential_race():
    logits = random.normal(0, 2, (50, 300))
    draws = draw_tokens(logits, keys(50))
    for row, key, token, margin in zip(logits, keys(50), draws.tokens, draws.margins, strict=True):
        race = numpy.sort(-numpy.log(uniform(key, 300)) / numpy.exp(row))
        assert token == numpy.argmin(-numpy.log(uniform(key, 300)) / numpy.exp(row))
        assert margin == pytest.approx(numpy.log(race[1] / race[0]))


def test_a_row_does_not_depend_on_the_others():
    logits = random.normal(0, 2, (9, 100))
    together = draw_tokens(logits, keys(9), top_k=20, top_p=0.9)
    for i in range(9):
        alone = draw_tokens(logits[i : i + 1], keys(9)[i : i + 1], top_k=20, top_p=0.9)
        assert (alone.tokens[0], alone.margins[0]) == (together.tokens[i], together.margins[i])


def test_temperature_0_takes_the_first_of_the_largest():
    draws = draw_tokens(numpy.array([[1.0, 3.0, 3.0], [5.0, 1.0, 2.0]]), keys(2), temperature=0)
    assert draws.tokens.tolist() == [1, 0]
    assert draws.margins.tolist() == [0.0, 3.0]


def test_top_k_breaks_ties_by_token_id():
    logits = torch.tensor([[2.0, 1.0, 2.0, 1.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    kept, edge = kept_tokens(logits, 4)
    assert kept.tolist() == [[0, 1, 2, 5], [0, 1, 2, 3]]
    assert edge.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    kept, edge = kept_tokens(logits[:1], 3)
    assert (kept.tolist(), edge.tolist()) == ([[0, 2, 5]], [[2.0, 1.0]])


def test_top_k_beyond_the_vocabulary_sets_no_limit():
    logits = random.normal(0, 2, (20, 50))
    limited, free = draw_tokens(logits, keys(20), top_k=99), draw_tokens(logits, keys(20))
    numpy.testing.assert_array_equal(limited.tokens, free.tokens)
    numpy.testing.assert_array_equal(limited.margins, free.margins)


@pytest.mark.parametrize("limits", [{}, {"top_k": 20}, {"top_k": 9, "top_p": 0.8}], ids=str)
def test_rows_that_come_again_draw_the_same_numbers(limits):
    logits = random.normal(0, 2, (15, 100))
    together = draw_tokens(logits, keys(5), **limits)
    for start in (0, 5, 10):
        alone = draw_tokens(logits[start : start + 5], keys(5), **limits)
        both = zip((*alone[:2], *alone.edges), (*together[:2], *together.edges), strict=True)
        for part, whole in both:
            numpy.testing.assert_array_equal(part, whole[start : start + 5])


def test_top_k_of_1_is_the_largest():
    logits = random.normal(0, 2, (20, 50))
    draws = draw_tokens(logits, keys(20), top_k=1)
    numpy.testing.assert_array_equal(draws.tokens, logits.argmax(-1))
    assert numpy.isinf(draws.margins).all()


def test_top_p_keeps_the_fewest_tokens_that_reach_it():
    logits = numpy.log(numpy.array([[0.125, 0.5, 0.125, 0.25]]))
    logits -= logits.max()
    for top_p, expected in ((0.5, [1]), (0.501, [1, 3]), (0.75, [1, 3]), (0.8, [0, 1, 3])):
        assert in_nucleus(logits, top_p)[0].nonzero()[0].tolist() == expected, top_p


def test_top_p_draws_only_from_the_nucleus():
    logits = numpy.tile(numpy.log([0.4, 0.3, 0.2, 0.1]), (300, 1))
    assert set(draw_tokens(logits, keys(300), top_p=0.6).tokens) == {0, 1}


def test_a_small_change_of_the_logits_seldom_changes_the_token():
    logits = random.normal(0, 2, (2000, 100))
    nearby = logits + random.normal(0, 1e-4, logits.shape)
    same = draw_tokens(logits, keys(2000)).tokens == draw_tokens(nearby, keys(2000)).tokens
    assert same.mean() > 0.998


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_logits_that_are_not_finite_are_refused(value):
    logits = numpy.zeros((2, 4))
    logits[1, 2] = value
    with pytest.raises(NonFiniteLogitsError):
        draw_tokens(logits, keys(2))


def test_a_token_of_probability_0_is_never_drawn():
    logits = numpy.tile([0.0, -numpy.inf, 0.0], (200, 1))
    assert set(draw_tokens(logits, keys(200)).tokens) == {0, 2}
    assert set(draw_tokens(logits, keys(200), top_k=2, top_p=0.99).tokens) == {0, 2}


GOLDEN = """
import numpy, torch
from needq.inference.draws import draw_tokens
from needq.corrupt.keyed import draw_key
keys = [draw_key(0, "Once upon a time", position) for position in range(6)]
logits = torch.from_numpy(numpy.tile(-0.01 * numpy.arange(4000.0), (6, 1)))
draws = draw_tokens(logits, keys, temperature=0.7, top_k=50, top_p=0.95)
print(draws.tokens.tolist())
for values in (draws.margins, *draws.edges):
    print(values.tobytes().hex())
"""


@pytest.fixture(scope="module")
def golden():
    """What each set of numpy's instructions draws, in a process of its own."""
    features = numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    scripts = str(Path(__file__).parents[3] / "scripts")
    return [
        subprocess.run(
            [sys.executable, "-c", GOLDEN],
            env={**os.environ, "PYTHONPATH": scripts, "NPY_DISABLE_CPU_FEATURES": disabled},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disabled in ("", " ".join(features))
    ]


def test_draws_and_their_leads_are_the_same_bits_under_each_instruction_set(golden):
    assert golden[0] == golden[1]


def test_golden_draws():
    logits = -0.01 * numpy.arange(4000.0)
    tokens = draw_tokens(numpy.tile(logits, (6, 1)), keys(6), top_k=50, top_p=0.95).tokens
    assert tokens.tolist() == [45, 3, 39, 29, 9, 13]
