"""Seeded choice that is the same in every version of Python: orders by sha256."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Deals the words of any list in shuffled rounds, so that all come up about equally often."""

    def __init__(self, *meaning: str | int) -> None:
        self.meaning = meaning
        self.rounds: dict[Sequence, int] = {}
        self.left: dict[Sequence, list] = {}

    def __call__(self, words: Sequence[T], *avoided: T) -> T:
        """The next of `words` (a tuple) that is not among `avoided`."""
        left = self.left.setdefault(words, [])
        if all(word in avoided for word in left):
            number = self.rounds[words] = self.rounds.get(words, 0) + 1
            left += sorted(words, key=lambda word: self._rank(number, word))
        word = next(word for word in left if word not in avoided)
        left.remove(word)
        return word

    def _rank(self, number: int, word: T) -> str:
        text = repr((*self.meaning, number, word))
        return hashlib.sha256(text.encode("utf-8")).hexdigest()
