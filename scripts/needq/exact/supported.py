"""What exact arithmetic computes: the architectures, and their settings with the one value of each.

No torch, since the Snakefile asks before the first job.
"""

from collections.abc import Mapping, Sequence

from needq.common.errors import UserError
from needq.common.files import ModelConfig

# settings that change the forward pass, with the one value that is computed
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "GPT2LMHeadModel": {
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
    "LlamaForCausalLM": {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
}


def lacking(config: ModelConfig) -> str | None:
    """What exact arithmetic does not have of a model, by its checked config.json; None if all."""
    name = config["architectures"][0]
    if name not in SETTINGS:
        return f"{name}; it has {' and '.join(SETTINGS)}"
    for setting, value in SETTINGS[name].items():
        if config.get(setting, value) != value:
            return f"{setting} = {config[setting]} of {name}; it has {value}"
    kind = config.get("rope_parameters", {}).get("rope_type", "default")
    return f"rope_type = {kind} of {name}; it has default" if kind != "default" else None


def require_supported(config: ModelConfig, exact: Sequence[str]) -> None:
    """UserError if backends of these names are to compute exactly what exact arithmetic has not."""
    missing = lacking(config)
    if exact and missing:
        raise UserError(
            f"model: exact arithmetic does not have {missing}. Take exact backends "
            f"({', '.join(exact)}) out of divergence.reference, divergence.pairs, "
            "divergence.precisions and divergence.causes, as configs/smollm2.yaml does"
        )
