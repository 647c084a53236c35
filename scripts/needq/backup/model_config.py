"""What a model's config.json says: the keys that an architecture computes with, and no others.

A config.json is whatever somebody wrote. So each key that matters has a type and a range here, the
backup's config.json has these keys alone, and what could make transformers load code, choose
kernels or expect quantised weights never reaches it.
"""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from needq.backup.source_files import read_object
from needq.common.errors import UserError
from needq.common.files import ModelConfig

LARGEST = 10_000_000  # characters; those of models have some thousands
# keys that say that the weights or the code are not what the architecture's name promises
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
}
# numbers by which kin of Llama multiply; 1 changes nothing
FACTORS = ["embedding_multiplier", "residual_multiplier", "attention_multiplier"]
FACTORS += ["logits_scaling", "logit_scale", "final_logit_softcapping", "attn_logit_softcapping"]

# what transformers 4 kept beside its rope_scaling
ROPE_KEYS = {
    "rope_scaling",
    "rope_theta",
    "partial_rotary_factor",
    "original_max_position_embeddings",
}

Size = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Vocabulary = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Context = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]
Blocks = Annotated[int, Field(strict=True, ge=1, le=999)]
Flag = Annotated[bool, Field(strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# by transformers' names
Activation = Literal[
    "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish"
]  # fmt: skip


class _Keys(BaseModel):
    """Keys of a config.json that are used. Numbers are never taken from text."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


# other names that transformers has for the keys of GPT-2
ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}


class GPT2Keys(_Keys):
    """What GPT2LMHeadModel computes with; defaults are those of transformers."""

    vocab_size: Vocabulary
    n_positions: Context
    n_embd: Size
    n_layer: Blocks
    n_head: Size
    n_inner: Size | None = None
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5
    scale_attn_weights: Flag = True
    scale_attn_by_inverse_layer_idx: Flag = False
    reorder_and_upcast_attn: Flag = False
    tie_word_embeddings: Flag = True

    @model_validator(mode="before")
    @classmethod
    def _by_its_own_names(cls, keys: dict[str, object]) -> dict[str, object]:
        named = {own: keys[alias] for alias, own in ALIASES.items() if alias in keys}
        for own, value in named.items():
            if keys.get(own, value) != value:
                raise ValueError(f"{own} {keys[own]} is {value} by its other name")
        return keys | named

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        return self


class Rope(_Keys):
    """Rotary positions, by transformers' names of their kinds and numbers."""

    model_config = ConfigDict(extra="forbid")

    # not longrope, whose frequencies depend on the longest row of a batch
    rope_type: Literal["default", "linear", "dynamic", "yarn", "llama3"] = "default"
    rope_theta: Positive = 10000.0
    factor: Positive | None = None
    low_freq_factor: Positive | None = None
    high_freq_factor: Positive | None = None
    original_max_position_embeddings: Context | None = None
    attention_factor: Positive | None = None
    beta_fast: Positive | None = None
    beta_slow: Positive | None = None
    mscale: Positive | None = None
    mscale_all_dim: Positive | None = None
    truncate: Flag | None = None
    partial_rotary_factor: Annotated[float, Field(ge=1, le=1)] | None = None  # Llama ignores others

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "linear": ["factor"],
            "dynamic": ["factor"],
            "yarn": ["factor"],
            "llama3": ["factor", "low_freq_factor", "high_freq_factor"],
        }
        for key in needed.get(self.rope_type, []):
            if getattr(self, key) is None:
                raise ValueError(f"rope_type {self.rope_type} needs {key}")
        return self


class LlamaKeys(_Keys):
    """What LlamaForCausalLM computes with; defaults are those of transformers."""

    vocab_size: Vocabulary
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Blocks
    num_attention_heads: Size
    num_key_value_heads: Size
    head_dim: Size | None = None
    max_position_embeddings: Context
    hidden_act: Activation = "silu"
    rms_norm_eps: Positive = 1e-6
    attention_bias: Flag = False
    mlp_bias: Flag = False
    tie_word_embeddings: Flag = False
    rope_parameters: Rope = Rope()

    @model_validator(mode="before")
    @classmethod
    def _as_now(cls, keys: dict[str, object]) -> dict[str, object]:
        """The keys as transformers 5 has them, also from those of transformers 4."""
        rope: dict[str, object] = {}
        for group in ("rope_scaling", "rope_parameters"):
            own = keys.get(group) or {}
            if not isinstance(own, dict):
                raise ValueError(f"{group} is not an object")
            for key, value in own.items():
                if value is not None and key != "finetuned":  # which says how it was trained
                    _add(rope, "rope_type" if key == "type" else key, value)
        for key in ROPE_KEYS & keys.keys() - {"rope_scaling"}:
            _add(rope, key, keys[key])
        shared = keys.get("num_key_value_heads") or keys.get("num_attention_heads")
        return keys | {"rope_parameters": rope, "num_key_value_heads": shared}

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        heads, shared = self.num_attention_heads, self.num_key_value_heads
        if self.head_dim is None and self.hidden_size % heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {heads}"
            )
        if heads % shared:
            raise ValueError(
                f"num_attention_heads {heads} is not a multiple of num_key_value_heads {shared}"
            )
        if (self.head_dim or self.hidden_size // heads) % 2:
            raise ValueError("the width of a head is odd, but rotary positions turn pairs")
        return self


def _add(rope: dict[str, object], key: str, value: object) -> None:
    """Add a value, which two places may give only if they give the same."""
    if rope.setdefault(key, value) != value:
        raise ValueError(f"two values of {key} do not agree: {rope[key]!r} and {value!r}")


class Kind(NamedTuple):
    """A supported architecture: its model_type, and the keys that it computes with."""

    model_type: str
    keys: type[GPT2Keys] | type[LlamaKeys]


KINDS = {"GPT2LMHeadModel": Kind("gpt2", GPT2Keys), "LlamaForCausalLM": Kind("llama", LlamaKeys)}


def read_model_config(file: Path) -> ModelConfig:
    """A config.json as whoever saved the model wrote it; UserError if it is no JSON object."""
    return read_object(file, LARGEST)


def checked(config: ModelConfig) -> ModelConfig:
    """The keys of a config.json that its architecture computes with, defaults filled in.

    Raises UserError, by name, for another architecture, a key that makes the model another one,
    and a value out of its range.
    """
    name = _architecture(config)
    for key, reason in REFUSED.items():
        if config.get(key):
            raise UserError(f"model: its config.json sets {key}: {reason}")
    for key in FACTORS:
        if config.get(key) not in (None, 1):
            raise UserError(
                f"model: its config.json sets {key}, which {name} does not compute with"
            )
    try:
        # null is what transformers writes for a key that is not set
        given = {key: value for key, value in config.items() if value is not None}
        keys = KINDS[name].keys.model_validate(given)
    except ValidationError as error:
        raise UserError(f"model: its config.json {_explain(error)}") from None
    used = keys.model_dump(exclude_none=True)
    return {"architectures": [name], "model_type": KINDS[name].model_type, **used}


def left_out(config: ModelConfig) -> list[str]:
    """The keys of a config.json with which its architecture computes nothing, sorted."""
    return sorted(set(config) - _known_keys(config))


def computed_with(config: ModelConfig) -> ModelConfig:
    """The keys of a config.json with which its architecture computes, as they are written there."""
    own = {key: value for key, value in config.items() if value is not None}
    return {key: value for key, value in own.items() if key in _known_keys(config)}


def _known_keys(config: ModelConfig) -> set[str]:
    known = {"architectures", "model_type", *KINDS[_architecture(config)].keys.model_fields}
    return known | (ROPE_KEYS if "rope_parameters" in known else set(ALIASES))


def _architecture(config: ModelConfig) -> str:
    """The architecture that a config.json names; by its model_type if it names none."""
    named, kind = config.get("architectures"), config.get("model_type")
    if not named:
        by_type = {own.model_type: name for name, own in KINDS.items()}
        if not isinstance(kind, str) or kind not in by_type:
            raise UserError(
                f"model: its config.json names no architecture, and its model_type is {kind!r}; "
                f"{_known()} are supported"
            )
        return by_type[kind]
    if isinstance(named, list) and len(named) > 1:
        raise UserError(f"model: its config.json names several architectures: {named}")
    name = named[0] if isinstance(named, list) else named
    if not isinstance(name, str) or name not in KINDS:
        raise UserError(f"model: the architecture {name} is not supported; {_known()} are")
    if kind not in (None, KINDS[name].model_type):
        raise UserError(f"model: its config.json names {name}, but its model_type is {kind!r}")
    return name


def _known() -> str:
    return " and ".join(KINDS)


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
