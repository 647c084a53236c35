"""What exact arithmetic has not is refused in one line before the first job."""

import pytest
from needq.backup.families import FAMILIES
from needq.backup.model_config import checked
from needq.common.errors import UserError
from needq.exact.load import KINDS
from needq.exact.supported import SETTINGS, lacking, require_supported
from smallest_configs import smallest


def test_the_architectures_are_those_that_load():
    assert set(SETTINGS) == set(KINDS)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_without_exact_arithmetic_are_refused_by_name(name):
    config = checked(smallest(name))
    require_supported(config, [])
    if name in SETTINGS:
        require_supported(config, ["exact"])
        return
    with pytest.raises(UserError) as error:
        require_supported(config, ["exact", "also_exact"])
    assert str(error.value).startswith(f"model: exact arithmetic does not have {name}; it has GPT")
    assert "(exact, also_exact) out of divergence.reference, divergence.pairs" in str(error.value)


OTHERS = [
    ("GPT2LMHeadModel", {"activation_function": "relu"}, "activation_function = relu"),
    ("GPT2LMHeadModel", {"scale_attn_by_inverse_layer_idx": True}, "inverse_layer_idx = True"),
    ("LlamaForCausalLM", {"attention_bias": True}, "attention_bias = True"),
    ("LlamaForCausalLM", {"hidden_act": "gelu"}, "hidden_act = gelu"),
    (
        "LlamaForCausalLM",
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0}},
        "rope_type = linear",
    ),
]


@pytest.mark.parametrize(("name", "own", "setting"), OTHERS)
def test_settings_without_exact_arithmetic_are_refused_by_name(name, own, setting):
    assert f"{setting} of {name}; it has " in lacking(checked(smallest(name) | own))
