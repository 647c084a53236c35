"""What exact arithmetic computes: the architectures, and which values of their settings.

No torch, since the Snakefile asks before the first job.
"""

from collections.abc import Mapping, Sequence

from needq.common.errors import UserError
from needq.common.files import ModelConfig

ARCHITECTURES = (
    "GPT2LMHeadModel",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "SmolLM3ForCausalLM",
    "GraniteForCausalLM",
    "Olmo2ForCausalLM",
    "GemmaForCausalLM",
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "Phi3ForCausalLM",
    "PhiForCausalLM",
    "StableLmForCausalLM",
    "GPTNeoXForCausalLM",
    "OPTForCausalLM",
)
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish")
# settings of which not every value is computed, with those that are
SETTINGS: Mapping[str, Sequence[object]] = {
    "activation_function": ACTIVATIONS,
    "hidden_act": ACTIVATIONS,
    "hidden_activation": ACTIVATIONS,
    "do_layer_norm_before": (True,),
    "layer_norm_elementwise_affine": (True,),
}


def lacking(config: ModelConfig) -> str | None:
    """What exact arithmetic does not have of a model, by its checked config.json; None if all."""
    name = config["architectures"][0]
    if name not in ARCHITECTURES:
        return f"{name} (docs/models.md lists what it has)"
    for setting, values in SETTINGS.items():
        if config.get(setting, values[0]) not in values:
            return f"{setting} = {config[setting]} of {name}; it has {_listed(values)}"
    return None


def _listed(values: Sequence[object]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last


def require_supported(config: ModelConfig, exact: Sequence[str]) -> None:
    """UserError if backends of these names are to compute exactly what exact arithmetic has not."""
    missing = lacking(config)
    if exact and missing:
        raise UserError(
            f"model: exact arithmetic does not have {missing}. Take exact backends "
            f"({', '.join(exact)}) out of divergence.reference, divergence.pairs, "
            "divergence.precisions and divergence.causes, as configs/smollm2.yaml does"
        )
