"""What exact arithmetic has not is refused in one line before the first job."""

import pytest
from needq.backup.families import FAMILIES
from needq.backup.model_config import checked
from needq.common.errors import UserError
from needq.exact.layers import ACTIVATIONS
from needq.exact.load import KINDS
from needq.exact.supported import ARCHITECTURES, SETTINGS, lacking, require_supported
from smallest_configs import smallest


def test_the_architectures_are_those_that_load():
    assert set(ARCHITECTURES) == set(KINDS)


def test_the_activations_are_those_that_are_computed():
    assert set(SETTINGS["hidden_act"]) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_without_exact_arithmetic_are_refused_by_name(name):
    config = checked(smallest(name))
    require_supported(config, [])
    if name in ARCHITECTURES:
        require_supported(config, ["exact"])
        return
    with pytest.raises(UserError) as error:
        require_supported(config, ["exact", "also_exact"])
    assert str(error.value).startswith(
        f"model: exact arithmetic does not have {name} (docs/models.md"
    )
    assert "(exact, also_exact) out of divergence.reference, divergence.pairs" in str(error.value)


OTHERS = [
    ("GPT2LMHeadModel", {"activation_function": "gelu_fast"}, "activation_function = gelu_fast"),
    ("LlamaForCausalLM", {"hidden_act": "gelu_fast"}, "hidden_act = gelu_fast"),
    ("OPTForCausalLM", {"do_layer_norm_before": False}, "do_layer_norm_before = False"),
    ("OPTForCausalLM", {"layer_norm_elementwise_affine": False}, "elementwise_affine = False"),
]


@pytest.mark.parametrize(("name", "own", "setting"), OTHERS)
def test_settings_without_exact_arithmetic_are_refused_by_name(name, own, setting):
    assert f"{setting} of {name}; it has " in lacking(checked(smallest(name) | own))
