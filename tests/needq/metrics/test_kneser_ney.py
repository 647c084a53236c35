"""N-gram models, against the bundled model's recipe, a naive loop over dictionaries, and sums."""

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.metrics.kneser_ney import FALLBACK, KneserNey, discounts

RECIPE = Path(__file__).parents[3] / "resources" / "pocket-gpt2" / "kneser_ney.py"

tokens = st.integers(0, 4)
documents = st.lists(
    st.lists(tokens, max_size=12).map(lambda d: [0, *d, 0]), min_size=1, max_size=6
)


def zipfian(seed, size=400, length=40, vocabulary=4000):
    """Documents whose counts of counts are like a text's, so that no discount falls back."""
    rng = np.random.default_rng(seed)
    body = (rng.zipf(1.5, (size, length)) % (vocabulary - 1)) + 1
    return [np.array([0, *row, 0]) for row in body]


class Naive:
    """The model of one highest order, as Chen and Goodman write it, over dictionaries."""

    def __init__(self, documents, order, vocabulary):
        self.vocabulary = vocabulary
        windows = {
            n: [
                tuple(d[i : i + n])
                for d in documents
                for i in range(len(d) - n + 1)
                if i + n > 1  # the last token is predicted
            ]
            for n in range(1, order + 1)
        }
        self.counts = {n: Counter(windows[n]) for n in windows}
        for n in range(1, order):
            left = Counter(gram[1:] for gram in set(windows[n + 1]))
            self.counts[n] = {gram: left[gram] or raw for gram, raw in self.counts[n].items()}

    def p(self, context, token):
        if context is None:
            return 1 / self.vocabulary
        n = len(context) + 1
        shorter = self.p(context[1:] if context else None, token)
        if n not in self.counts:
            return shorter
        d = discounts(np.array(list(self.counts[n].values()), int))
        seen = {gram: c for gram, c in self.counts[n].items() if gram[:-1] == context}
        total = sum(seen.values())
        if not total:
            return shorter
        own = seen.get((*context, token), 0)
        taken = sum(d[min(c, 3)] for c in seen.values())
        return (own - d[min(own, 3)]) / total + taken / total * shorter

    def nats(self, document, order):
        return [
            -np.log(self.p(tuple(document[max(0, i - order + 1) : i]), document[i]))
            for i in range(1, len(document))
        ]


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_like_the_recipe_of_the_bundled_model(order, seed):
    """The recipe's class trains one highest order; ours has each in one object."""
    spec = importlib.util.spec_from_file_location("recipe_kneser_ney", RECIPE)
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    train, held = zipfian(seed)[:300], zipfian(seed)[300:]
    theirs = recipe.KneserNey(train, order, 4000)
    ours = KneserNey(train, 5, 4000)
    for document in held:
        nats = ours.nats(document)[order - 1].sum()
        assert nats == pytest.approx(theirs.nats(document), rel=1e-12)


@given(documents, st.lists(tokens, max_size=8))
def test_against_dictionaries(train, scored):
    ours = KneserNey(train, 4, 5)
    for order in range(1, 5):
        naive = Naive(train, order, 5)
        for document in [*train, [0, *scored, 0]]:
            assert ours.nats(document)[order - 1] == pytest.approx(naive.nats(document, order))


@given(documents, st.lists(tokens, max_size=6))
def test_probabilities_sum_to_one(train, context):
    ours = KneserNey(train, 5, 7)
    last = [ours.probabilities([0, *context, token])[:, -1] for token in range(7)]
    assert np.sum(last, axis=0) == pytest.approx(1)
    assert np.min(last) > 0


@given(documents, st.lists(tokens, max_size=7))
def test_the_next_token_is_predicted_as_in_a_document(train, context):
    model = KneserNey([np.array(d) for d in train], 3, 5)
    found = model.next_probabilities(np.array([0, *context]))
    wanted = [model.probabilities(np.array([0, *context, token]))[-1, -1] for token in range(5)]
    assert found == pytest.approx(wanted)


@given(documents, st.integers(5, 2**31))
def test_large_vocabularies_do_not_collide(train, vocabulary):
    """The same documents with their largest token at the end of a vocabulary of any size."""
    moved = [np.where(np.array(d) == 4, vocabulary - 1, d) for d in train]
    small, large = KneserNey(train, 5, 5), KneserNey(moved, 5, vocabulary)
    for small_keys, large_keys in zip(small._keys, large._keys, strict=True):
        assert len(small_keys) == len(large_keys)
    for document, other in zip(train, moved, strict=True):
        # The smoothing with 1 / vocabulary shrinks with the vocabulary, and nothing else changes.
        assert (large.probabilities(other) <= small.probabilities(document) + 1e-12).all()


def test_by_hand():
    """Documents a b and a c after the begin token 0: too few counts, so the discounts fall back."""
    model = KneserNey([[0, 1, 2], [0, 1, 3]], 2, 4)
    # Counts of 1, 2 and 3: 2, 1 and 1. Off them come 1, 1/2 and 1/2, which go to all 4 tokens.
    unigram = [1 / 4 + 2 / 16, 1 / 8 + 2 / 16]
    assert model.probabilities([0, 1, 2])[0] == pytest.approx(unigram)
    # Left of 2 is only 1, and left of 1 is only 0: each counts 1. Then 1/2 off each of 3.
    lower = 1 / 2 / 3 + 3 / 2 / 3 / 4
    # After 0: 1 twice. After 1: 2 once, 3 once.
    bigram = [(2 - 1) / 2 + 1 / 2 * lower, (1 - 1 / 2) / 2 + 1 / 2 * lower]
    assert model.probabilities([0, 1, 2])[1] == pytest.approx(bigram)


def test_discounts():
    counts = np.array([1] * 20 + [2] * 8 + [3] * 4 + [4] * 2 + [9] * 5)
    y = 20 / 36
    assert discounts(counts) == pytest.approx([0, y, 2 - 3 * y / 2, 3 - 4 * y / 2])
    assert discounts(np.array([1, 1, 2, 2])) == pytest.approx([0, *FALLBACK])
    # Here the formula would give 3 or more a discount below 0.
    assert discounts(np.array([1] * 9 + [2] * 2 + [3] + [4] * 9))[3] == FALLBACK[2]


@pytest.mark.parametrize(
    ("train", "order", "vocabulary", "message"),
    [
        ([[0, 5]], 2, 5, "outside the vocabulary"),
        ([[0, -1]], 2, 5, "outside the vocabulary"),
        ([[0], []], 2, 5, "nothing to learn"),
        ([], 2, 5, "nothing to learn"),
        ([[0, 1]], 0, 5, "at least 1 token"),
        ([[0, 1]], 2, 2**31 + 1, r"from 1 to 2\^31"),
    ],
)
def test_refuses(train, order, vocabulary, message):
    with pytest.raises(ValueError, match=message):
        KneserNey(train, order, vocabulary)


def test_short_documents():
    model = KneserNey([[0, 1, 2, 0]], 3, 4)
    assert model.nats([0]).shape == (3, 0)
    assert model.nats([]).shape == (3, 0)
    assert model.nats([0, 3]).shape == (3, 1)
