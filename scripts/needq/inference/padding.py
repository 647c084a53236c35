"""Rows of token ids of different lengths, as one tensor: zeros follow the shorter ones."""

from collections.abc import Sequence

import torch


def padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of ids as one tensor [rows, longest], and which of its entries are real."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([list(row) + [0] * (width - len(row)) for row in rows])
    return ids, torch.arange(width) < torch.tensor([[len(row)] for row in rows])


def filled(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """`padded` rows, all of whose entries count as real.

    No token sees what comes after it. So zeros at the end of a row change nothing before them, and
    a model that takes them for tokens needs no mask but the causal one.
    """
    ids, mask = padded(rows)
    return ids, torch.ones_like(mask)
