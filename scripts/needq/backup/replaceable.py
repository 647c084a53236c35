"""Which matrices a model has, and which replacement methods it allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from needq.backup.layout import Architecture
from needq.common.errors import UserError
from needq.common.keys import MLPS, matrices

if TYPE_CHECKING:
    from needq.common.settings import Sweep


def check_methods(architecture: Architecture, sweeps: Mapping[str, Sweep]) -> None:
    """UserError if a sweep that is run has a matrix or a method that the model does not allow."""
    for name, sweep in sweeps.items():
        if sweep.run != "off":
            if sweep.matrix in MLPS and not architecture.mlp_inputs:
                raise UserError(
                    f"sweeps.{name}.matrix: the MLP of {architecture.name} consists of experts, "
                    "which no sweep replaces; set run: off"
                )
            try:
                for matrix in matrices(sweep.matrix):
                    check_method(architecture, matrix, sweep.method)
            except UserError as error:
                raise UserError(f"sweeps.{name}.method: {error}; set run: off") from None


def check_method(architecture: Architecture, matrix: str, method: str) -> None:
    """UserError if a model does not allow a method for a matrix of a sweep."""
    name = f"W_{matrix.upper()}"
    if method == "rolled_heads" and architecture.heads_of(matrix) == 1:
        raise UserError(f"rolled_heads needs at least two heads, but {name} of this model has one")
    if method == "matched_scores" and architecture.scores_normalised:
        raise UserError(
            f"matched_scores scales {name}, but {architecture.name} normalises queries and keys, "
            "so their scale changes nothing"
        )
