"""An n-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998).

Sequences open with the mark 0, which is context only, and end with the mark 0, which is predicted.
An n-gram is one int64, 12 bits a token, first token highest; so n <= 5 and tokens < 4096.
"""

import numpy as np

BITS = 12


def windows(sequences: list[np.ndarray], n: int) -> np.ndarray:
    """Keys of all n-grams inside the sequences whose last token is predicted."""
    tokens = np.concatenate(sequences).astype(np.int64)
    owner = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
    if n == 1:  # the opening mark is never predicted
        return tokens[1:][owner[1:] == owner[:-1]]
    count = len(tokens) - n + 1
    keys = np.zeros(count, np.int64)
    for i in range(n):
        keys = (keys << BITS) | tokens[i : i + count]
    return keys[owner[:count] == owner[n - 1 :]]


def lookup(table: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each key stands in the sorted table, and whether it does."""
    place = np.searchsorted(table, keys).clip(max=len(table) - 1)
    return place, table[place] == keys


class KneserNey:
    def __init__(self, sequences: list[np.ndarray], order: int, vocabulary: int):
        self.order, self.vocabulary = order, vocabulary
        raw = {n: np.unique(windows(sequences, n), return_counts=True) for n in range(1, order + 1)}
        self.tables = [self._table(raw, n) for n in range(1, order + 1)]

    def _table(self, raw: dict, n: int) -> tuple[np.ndarray, ...]:
        """(n-grams, their discounted shares, contexts, their back-off weights) of one order."""
        keys, counts = raw[n]
        if n < self.order:
            # Lower orders count in how many contexts an n-gram occurs, not how often. Those that
            # start with the opening mark have nothing to their left and keep their counts.
            longer, _ = raw[n + 1]
            suffix, left = np.unique(longer & ((1 << BITS * n) - 1), return_counts=True)
            place, found = lookup(suffix, keys)
            counts = np.where(found, left[place], counts)
        c1, c2, c3, c4 = ((counts == i).sum() for i in (1, 2, 3, 4))
        y = c1 / (c1 + 2 * c2)
        d = np.array([0, 1 - 2 * y * c2 / c1, 2 - 3 * y * c3 / c2, 3 - 4 * y * c4 / c3])
        discount = d[counts.clip(max=3)]
        contexts, first = np.unique(keys >> BITS, return_index=True)
        total = np.add.reduceat(counts, first)
        size = np.diff(np.append(first, len(keys)))
        share = (counts - discount) / np.repeat(total, size)
        return keys, share, contexts, np.add.reduceat(discount, first) / total

    def probabilities(self, context: np.ndarray, token: np.ndarray) -> np.ndarray:
        """p(token | context): context (N, order - 1), right-aligned, -1 before the sequence."""
        p = np.full(len(token), 1 / self.vocabulary)
        history = np.zeros(len(token), np.int64)
        known = np.ones(len(token), bool)
        for n, (keys, share, contexts, weight) in enumerate(self.tables, 1):
            if n > 1:
                newest = context[:, -(n - 1)].astype(np.int64)
                known &= newest >= 0
                history |= newest.clip(min=0) << BITS * (n - 2)
            place, seen = lookup(contexts, history)
            at, hit = lookup(keys, (history << BITS) | token)
            # An unseen context says nothing: the shorter one's probability stands.
            p = np.where(known & seen, weight[place] * p + np.where(hit, share[at], 0), p)
        return p

    def nats(self, sequence: np.ndarray) -> float:
        """Total nats of a sequence, its opening mark excepted."""
        padded = np.concatenate([np.full(self.order - 2, -1), sequence])
        context = np.lib.stride_tricks.sliding_window_view(padded[:-1], self.order - 1)
        return float(-np.log(self.probabilities(context, sequence[1:])).sum())
