"""Roles: which sweep of a config is which side of the claims' comparisons.

A claim compares sweeps that are alike but for one setting, so a sweep's settings say its role, and
no config has to. Nothing but plain Python is imported, since the Snakefile asks for roles.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from needq.plan.interventions import counts

# W_Q replaced by Gaussian noise from the first block on, as the article does
ARTICLE = {
    "matrix": "q",
    "blocks": "all",
    "steps": "cumulative",
    "heads": "all",
    "dimensions": "all",
    "method": "gaussian",
    "dose": 1.0,
    "bias": "keep",
}
# the one setting that differs, and the role
MATRICES = {("matrix", matrix): matrix for matrix in "kvo"}
ORDERS = {
    ("blocks", "reversed"): "end",
    ("blocks", "random"): "random",
    ("steps", "single"): "single",
}
METHODS = {("method", method): method for method in ("permuted", "zero", "identity")}
METHODS[("bias", "replace")] = "bias"


def roles(
    sweeps: Mapping[str, Mapping[str, Any]], full: Sequence[str], scored: Sequence[str], blocks: int
) -> dict[str, str]:
    """The name of the sweep in each role: q, the article's own, and those beside it.

    q has to be one of the `full` sweeps, and to replace one block as well as all `blocks`. Without
    it there is nothing to compare, and no role.
    """
    found = {}
    for name in full:
        steps = counts(sweeps[name], blocks)
        if not _differing(sweeps[name]) and 1 in steps and blocks in steps:
            found.setdefault("q", name)
    if not found:
        return {}
    for name in (*full, *scored):
        differing = _differing(sweeps[name])
        if len(differing) == 1:
            role = (MATRICES | ORDERS | METHODS).get(differing[0])
            if role:
                found.setdefault(role, name)
    return found


def _differing(sweep: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The settings in which a sweep is not the article's; how many steps it has is none."""
    return [
        (key, str(sweep[key]) if isinstance(sweep[key], list) else sweep[key])
        for key, value in ARTICLE.items()
        if sweep[key] != value
    ]
