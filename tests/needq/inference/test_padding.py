"""Padding: rows of different lengths in one batch, without a change to any of them."""

import torch
from needq.common.backends import Backend
from needq.inference.backend import load
from needq.inference.padding import filled, padded

DOCUMENTS = [[256, *text.encode()] for text in ("A short one.", "Somewhat longer, it is.", "b")]


def test_rows_are_followed_by_zeros():
    ids, mask = padded([[3, 1, 4], [2]])
    assert ids.tolist() == [[3, 1, 4], [2, 0, 0]]
    assert mask.tolist() == [[True] * 3, [True, False, False]]


def test_zeros_after_a_row_change_no_bit_before_them(small):
    """They count as tokens, which no real token sees."""
    model = load(small.backup, Backend(arithmetic="exact", precision="float64"))
    ids, mask = filled(DOCUMENTS)
    assert mask.all()
    logits = model.logits(ids, mask=mask)[0]
    for row, document in zip(logits, DOCUMENTS, strict=True):
        alone = model.logits(torch.tensor([document]))[0][0]
        assert torch.equal(row[: len(document)], alone)
