"""Digests of logits, one per document: in exact arithmetic they are the same on every machine."""

import hashlib
from collections import deque
from collections.abc import Sequence

import torch

from needq.inference.sampling import as_array


class Digests:
    """The digests of the logits of one document after the other, which come in chunks of rows."""

    def __init__(self, counts: Sequence[int]) -> None:
        self.left = deque(counts)  # of the rows of each document that has no digest yet
        self.made: list[str] = []
        self.hash = hashlib.sha256()

    def add(self, logits: torch.Tensor) -> None:
        """The next rows [rows, vocabulary]."""
        if not self.left:  # logits without a digest need not leave their device
            return
        array, start = as_array(logits), 0
        while start < len(array) and self.left:
            rows = array[start : start + self.left[0]]
            self.hash.update(rows.data)
            start += len(rows)
            self.left[0] -= len(rows)
            if not self.left[0]:
                self.left.popleft()
                self.made.append(self.hash.hexdigest())
                self.hash = hashlib.sha256()
