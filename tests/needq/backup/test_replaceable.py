"""Replacement methods that a model does not allow are refused, and all others are not."""

from types import SimpleNamespace

import pytest
from needq.backup.replaceable import check_methods
from needq.common.errors import UserError
from needq.common.settings import Sweep


def model(heads=4, shared=2, normalised=False):
    return SimpleNamespace(
        name="TestForCausalLM",
        heads_of=lambda matrix: shared if matrix in "kv" else heads,
        scores_normalised=normalised,
    )


def test_rolled_heads_need_two_heads():
    sweeps = {"rolled": Sweep(method="rolled_heads")}
    check_methods(model(), sweeps)
    check_methods(model(shared=1), sweeps)
    keys = {"rolled": Sweep(method="rolled_heads", matrix="k")}
    with pytest.raises(UserError, match=r"^sweeps\.rolled\.method: .* W_K of this model has one;"):
        check_methods(model(shared=1), keys)
    check_methods(model(shared=1), {"rolled": Sweep(method="rolled_heads", matrix="k", run="off")})


def test_experts_are_not_replaced():
    sweeps = {"mlp": Sweep(matrix="mlp_in"), "q": Sweep()}
    experts = model()
    experts.mlp_inputs = {}
    experts.heads_of = lambda matrix: 1
    words = r"^sweeps\.mlp\.matrix: the MLP of TestForCausalLM consists of experts, which no sweep"
    with pytest.raises(UserError, match=words):
        check_methods(experts, sweeps)
    experts.mlp_inputs = {"": "mlp.first"}
    check_methods(experts, sweeps)


def test_a_scale_that_changes_nothing_is_not_matched():
    sweeps = {"matched": Sweep(method="matched_scores"), "zero": Sweep(method="zero")}
    check_methods(model(), sweeps)
    with pytest.raises(UserError, match=r"^sweeps\.matched\.method: .* TestForCausalLM normalises"):
        check_methods(model(normalised=True), sweeps)
    check_methods(model(normalised=True), {"zero": Sweep(method="zero")})
