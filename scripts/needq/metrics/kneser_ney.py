"""N-gram models with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998).

One object holds the models of every order from 1 up to the one asked for. A document is an array of
token ids. Its first token (the begin token) is context only; every later token is predicted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

VOCABULARY_LIMIT = 2**31  # two numbers below it are one key of 62 bits

NO_KEY = np.iinfo(np.int64).max  # above every key: the end of a table, so that none is empty

# What KenLM takes off the counts 1, 2 and 3 or more where too little text defines the discounts
# (--discount_fallback, Heafield and others 2013).
FALLBACK = (0.5, 1.0, 1.5)


class Weights(NamedTuple):
    """Discounted shares of one order's n-grams, and how much each context leaves to a shorter one.

    share: one value for each n-gram, and at the end 0 for all that were never seen.
    backoff: one value for each context (an n-gram of one token less), and at the end 1 for all that
        were never seen: they say nothing, so the shorter context's probability stands.
    """

    share: Floats
    backoff: Floats


def discounts(counts: Ints) -> Floats:
    """What is taken off counts of 0, 1, 2 and 3 or more (4 values), from how many counts are 1..4.

    Source: Chen and Goodman (1998), equation 26.
    """
    c1, c2, c3, c4 = (int((counts == i).sum()) for i in (1, 2, 3, 4))
    if min(c1, c2, c3):
        y = c1 / (c1 + 2 * c2)
        found = (1 - 2 * y * c2 / c1, 2 - 3 * y * c3 / c2, 3 - 4 * y * c4 / c3)
        if min(found) > 0:
            return np.array([0.0, *found])
    return np.array([0.0, *FALLBACK])


def _weights(counts: Ints, parents: Ints, contexts: int) -> Weights:
    """Shares and back-off weights of n-grams with these counts; parents says each one's context."""
    discount = discounts(counts)[counts.clip(max=3)]
    total = np.bincount(parents, counts, contexts)
    left = np.bincount(parents, discount, contexts)
    known = total > 0
    backoff = np.divide(left, total, out=np.ones(contexts), where=known)
    # A begin token is never predicted: its count is 0, and its share too.
    share = (counts - discount) / np.where(known, total, 1.0)[parents]
    return Weights(np.append(share, 0.0), np.append(backoff, 1.0))


class KneserNey:
    """The n-gram models of orders 1 to `order` over the token ids 0 to vocabulary - 1.

    An n-gram's key is the number of its first n - 1 tokens (which are an n-gram themselves) times
    the vocabulary, plus its last token. So a key has at most 62 bits, whatever the order.

    Raises: ValueError if a token is outside the vocabulary, the vocabulary is larger than 2^31, or
    no document has two tokens.
    """

    def __init__(self, documents: Sequence[Ints], order: int, vocabulary: int) -> None:
        if not 0 < vocabulary <= VOCABULARY_LIMIT:
            raise ValueError(f"a vocabulary of {vocabulary:,}: from 1 to 2^31 tokens are possible.")
        if order < 1:
            raise ValueError(f"order {order}: an n-gram has at least 1 token.")
        documents = [self._checked(document, vocabulary) for document in documents]
        if not any(len(document) > 1 for document in documents):
            raise ValueError("no document has two tokens, so there is nothing to learn from.")
        self.order, self.vocabulary = order, vocabulary
        self._keys: list[Ints] = []
        self._highest: list[Weights] = []  # of the model in which this order is the highest
        self._lower: list[Weights] = []  # of the models that have a higher order
        tokens = np.concatenate(documents)
        # How many tokens of its document there are from each place on, and before it.
        rest = np.concatenate([np.arange(len(d), 0, -1) for d in documents])
        before = np.concatenate([np.arange(len(d)) for d in documents])
        numbers = np.zeros(len(tokens), np.int64)  # of the n-grams that start at each place
        counts, parents, contexts = np.zeros(0, np.int64), np.zeros(0, np.int64), 1
        for n in range(1, order + 1):
            places = np.flatnonzero(rest >= n)
            keys, first, ranks = np.unique(
                numbers[places] * vocabulary + tokens[places + n - 1],
                return_index=True,
                return_inverse=True,
            )
            if n > 1:
                # A lower order counts the tokens to the left of an n-gram, not how often it occurs.
                # One that starts with the begin token has nothing to its left: its count stays.
                left = np.bincount(numbers[places[first] + 1], minlength=len(counts))
                lower = np.where(left > 0, left, counts)
                self._lower.append(_weights(lower, parents, contexts))
                contexts = len(counts)
            predicted = before[places] + n > 1
            counts = np.bincount(ranks[predicted], minlength=len(keys))
            parents = keys // vocabulary
            numbers[places] = ranks
            self._keys.append(np.append(keys, NO_KEY))
            self._highest.append(_weights(counts, parents, contexts))

    @staticmethod
    def _checked(document: Ints, vocabulary: int) -> Ints:
        """The document as int64, every token of it known to be in the vocabulary."""
        tokens = np.asarray(document, np.int64)
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < vocabulary:
            raise ValueError(f"a token is outside the vocabulary of {vocabulary:,}.")
        return tokens

    def _find(self, n: int, contexts: Ints, tokens: Ints) -> Ints:
        """Numbers of the n-grams made of these contexts and last tokens; -1 if never seen."""
        keys = self._keys[n - 1]
        wanted = contexts * self.vocabulary + tokens
        place = np.searchsorted(keys, wanted)
        return np.where((contexts >= 0) & (keys[place] == wanted), place, -1)

    def probabilities(self, document: Ints) -> Floats:
        """Probability of every token but the first: (order, tokens - 1), row n - 1 for order n."""
        tokens = self._checked(document, self.vocabulary)
        size = max(len(tokens) - 1, 0)
        p = np.full(size, 1 / self.vocabulary)
        rows = np.empty((self.order, size))
        numbers = np.zeros(len(tokens), np.int64)  # of the n-grams that start at each place
        for n in range(1, self.order + 1):
            contexts = numbers[: max(len(tokens) - n + 1, 0)]
            numbers = self._find(n, contexts, tokens[n - 1 :])
            # At order 1 the first token has its n-gram too, but it is not predicted.
            skip = 1 if n == 1 else 0
            context, ngram = contexts[skip:], numbers[skip:]
            rows[n - 1] = p
            place = slice(max(n - 2, 0), None)  # of the tokens that have n - 1 tokens before them
            highest = self._highest[n - 1]
            rows[n - 1, place] = highest.backoff[context] * p[place] + highest.share[ngram]
            if n < self.order:
                lower = self._lower[n - 1]
                p[place] = lower.backoff[context] * p[place] + lower.share[ngram]
        return rows

    def next_probabilities(self, context: Ints) -> Floats:
        """Probability of each token of the vocabulary after these tokens, by the highest order."""
        tokens = self._checked(context, self.vocabulary)[max(len(context) - self.order + 1, 0) :]
        words = np.arange(self.vocabulary)
        p = np.full(self.vocabulary, 1 / self.vocabulary)
        for n in range(1, min(self.order, len(tokens) + 1) + 1):
            number = np.zeros(1, np.int64)  # of the last n - 1 tokens of the context
            for place, token in enumerate(tokens[len(tokens) - n + 1 :], 1):
                number = self._find(place, number, token[None])
            ngrams = self._find(n, np.repeat(number, self.vocabulary), words)
            weights = self._highest[n - 1] if n == self.order else self._lower[n - 1]
            p = weights.backoff[number] * p + weights.share[ngrams]
        return p

    def nats(self, document: Ints) -> Floats:
        """Nats (-ln p) of every token but the first: (order, tokens - 1), row n - 1 for order n."""
        return -np.log(self.probabilities(document))
