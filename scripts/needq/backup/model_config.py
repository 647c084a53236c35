"""What a model's config.json says: the keys that an architecture computes with, and no others.

A config.json is whatever somebody wrote. So each key that matters has a type and a range here, the
backup's config.json has these keys alone, and what could make transformers load code, choose
kernels or expect quantised weights never reaches it.
"""

from pathlib import Path

from pydantic import ValidationError

from needq.backup.families import FAMILIES
from needq.backup.source_files import read_object
from needq.common.errors import UserError
from needq.common.files import ModelConfig

LARGEST = 10_000_000  # characters; those of models have some thousands
# keys that say that the weights or the code are not what the architecture's name promises, where
# the family does not compute with them
REFUSED = {
    "quantization_config": "its weights are quantised; save the dequantised model",
    "compression_config": "its weights are compressed; save the dequantised model",
    "auto_map": "it comes with code of its own, which is never run",
    "pruned_heads": "heads were removed from its weights",
    "is_encoder_decoder": "it is an encoder with a decoder",
    "add_cross_attention": "it has cross-attention",
    "sliding_window": "its attention sees a window only",
    "clip_qkv": "its queries, keys and values are clipped",
    "use_qk_norm": "its queries and keys are normalised",
    "use_bidirectional_attention": "its tokens see later ones",
}
# numbers by which some families multiply; 1 changes nothing
FACTORS = ["embedding_multiplier", "residual_multiplier", "attention_multiplier"]
FACTORS += ["logits_scaling", "logit_scale", "final_logit_softcapping", "attn_logit_softcapping"]


def read_model_config(file: Path) -> ModelConfig:
    """A config.json as whoever saved the model wrote it; UserError if it is no JSON object."""
    return read_object(file, LARGEST)


def checked(config: ModelConfig) -> ModelConfig:
    """The keys of a config.json that its architecture computes with, defaults filled in.

    Raises UserError, by name, for another architecture, a key that makes the model another one,
    and a value out of its range.
    """
    name = _architecture(config)
    family = FAMILIES[name]
    known = family.keys.names()
    for key, reason in REFUSED.items():
        if key not in known and config.get(key):
            raise UserError(f"model: its config.json sets {key}: {reason}")
    for key in FACTORS:
        if key not in known and config.get(key) not in (None, 1):
            raise UserError(
                f"model: its config.json sets {key}, which {name} does not compute with"
            )
    try:
        used = family.keys.model_validate(family.keys.not_null(config)).dumped()
    except ValidationError as error:
        raise UserError(f"model: its config.json {_explain(error)}") from None
    return {"architectures": [name], "model_type": family.model_type, **used}


def left_out(config: ModelConfig) -> list[str]:
    """The keys of a config.json with which its architecture computes nothing, sorted."""
    return sorted(set(config) - _known_keys(config))


def computed_with(config: ModelConfig) -> ModelConfig:
    """The keys of a config.json with which its architecture computes, as they are written there."""
    own = FAMILIES[_architecture(config)].keys.not_null(config)
    return {key: value for key, value in own.items() if key in _known_keys(config)}


def _known_keys(config: ModelConfig) -> set[str]:
    return {"architectures", "model_type"} | FAMILIES[_architecture(config)].keys.names()


def _architecture(config: ModelConfig) -> str:
    """The architecture that a config.json names; by its model_type if it names none."""
    named, kind = config.get("architectures"), config.get("model_type")
    if not named:
        by_type = {own.model_type: name for name, own in FAMILIES.items()}
        if not isinstance(kind, str) or kind not in by_type:
            raise UserError(
                f"model: its config.json names no architecture, and its model_type is {kind!r}; "
                f"{_known()} are supported"
            )
        return by_type[kind]
    if isinstance(named, list) and len(named) > 1:
        raise UserError(f"model: its config.json names several architectures: {named}")
    name = named[0] if isinstance(named, list) else named
    if not isinstance(name, str) or name not in FAMILIES:
        raise UserError(f"model: the architecture {name} is not supported; {_known()} are")
    if kind not in (None, FAMILIES[name].model_type):
        raise UserError(f"model: its config.json names {name}, but its model_type is {kind!r}")
    return name


def _known() -> str:
    return ", ".join(FAMILIES)


def _explain(error: ValidationError) -> str:
    """What is wrong with the first wrong key."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"has no {key}"
    if first["type"] == "value_error":
        return f"does not fit together: {first['ctx']['error']}"
    value = repr(first["input"])
    value = value if len(value) <= 80 else f"{value[:80]}…"
    return f"says {key} = {value}: {first['msg'][0].lower()}{first['msg'][1:]}"
