"""The types of a config.json's keys: their ranges, their other names, what null means."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
Names = Mapping[str, str]
# the row of the embedding that training left alone; nothing is computed with it, but it has to be
# one of the vocabulary, as the number that transformers has by default may not be
Padding = int | None
LayerType = Literal["full_attention", "sliding_attention"]


# what transformers 4 kept beside its rope_scaling
ROPE_KEYS = frozenset(
    ("rope_scaling", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings")
)


class Keys(BaseModel):
    """Keys of a config.json that are used. Numbers are never taken from text."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)
    # other names that transformers has for keys, and the keys
    aliases: ClassVar[Names] = {}
    # keys whose value is taken into other keys
    elsewhere: ClassVar[frozenset[str]] = frozenset()
    # keys for which null is a value, not what transformers writes for a key that is not set
    nullable: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def names(cls) -> set[str]:
        """Every key that is used, by any of its names."""
        own = {field.alias or name for name, field in cls.model_fields.items()}
        return own | cls.aliases.keys() | cls.elsewhere

    @classmethod
    def not_null(cls, config: Mapping[str, object]) -> dict[str, object]:
        """The keys that are set, as they are written in a config.json."""
        return {k: value for k, value in config.items() if value is not None or k in cls.nullable}

    def dumped(self) -> dict[str, object]:
        """The keys as a config.json has them, defaults filled in."""
        null: dict[str, object] = dict.fromkeys(sorted(self.nullable))
        return null | self.model_dump(by_alias=True, exclude_none=True)

    @classmethod
    def as_now(cls, keys: dict[str, object]) -> dict[str, object]:
        """The keys as transformers 5 has them, also from those of transformers 4."""
        return keys

    @model_validator(mode="before")
    @classmethod
    def _by_its_own_names(cls, keys: dict[str, object]) -> dict[str, object]:
        named = {own: keys[alias] for alias, own in cls.aliases.items() if alias in keys}
        for own, value in named.items():
            if keys.get(own, value) != value:
                raise ValueError(f"{own} {keys[own]} is {value} by its other name")
        return cls.as_now(keys | named)


class Rope(BaseModel):
    """Rotary positions, by transformers' names of their kinds and numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

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


class PartialRope(Rope):
    """Rotary positions of a part of each head."""

    partial_rotary_factor: Annotated[float, Field(gt=0, le=1)] | None = None


def rope_of(
    keys: Mapping[str, object], theta: float, partial: float | None = None
) -> dict[str, object]:
    """The rotary positions as transformers 5 has them, also from the keys of transformers 4.

    `theta` and `partial` are what a family has where its config.json says nothing.
    """
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
    rope.setdefault("rope_theta", theta)
    if partial is not None:
        rope.setdefault("partial_rotary_factor", partial)
    return rope


def _add(rope: dict[str, object], key: str, value: object) -> None:
    """Add a value, which two places may give only if they give the same."""
    if rope.setdefault(key, value) != value:
        raise ValueError(f"two values of {key} do not agree: {rope[key]!r} and {value!r}")


class DecoderKeys(Keys):
    """The sizes of a model whose heads may share keys and values, and that turns pairs."""

    elsewhere = ROPE_KEYS
    theta: ClassVar[float] = 10000.0
    partial: ClassVar[float | None] = None  # the part of a head that rotary positions turn
    shared: ClassVar[int | None] = None  # num_key_value_heads, where it is not that of the heads

    vocab_size: Vocabulary
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Blocks
    num_attention_heads: Size
    num_key_value_heads: Size
    head_dim: Size | None = None
    max_position_embeddings: Context
    tie_word_embeddings: Flag = False

    @classmethod
    def as_now(cls, keys: dict[str, object]) -> dict[str, object]:
        """The keys as transformers 5 has them, also from those of transformers 4."""
        shared = keys.get("num_key_value_heads") or cls.shared or keys.get("num_attention_heads")
        return keys | {"rope_parameters": cls.rope(keys), "num_key_value_heads": shared}

    @classmethod
    def rope(cls, keys: Mapping[str, object]) -> dict[str, object]:
        """What `rope_parameters` is made from."""
        own = dict(keys)
        if cls.partial is not None and own.get("partial_rotary_factor") == cls.partial:
            # transformers 5 writes this default beside what it computes with
            del own["partial_rotary_factor"]
        return rope_of(own, cls.theta, cls.partial)

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
        require_pairs(self.head_dim or self.hidden_size // heads, self)
        return self

    @model_validator(mode="after")
    def _one_type_per_layer(self) -> Self:
        types = getattr(self, "layer_types", None)
        if types is not None and len(types) != self.num_hidden_layers:
            raise ValueError(
                f"layer_types has {len(types)} entries, but num_hidden_layers is "
                f"{self.num_hidden_layers}"
            )
        return self


def require_pairs(head_width: int, keys: Keys) -> None:
    """ValueError if rotary positions are to turn an odd number of dimensions, or none."""
    rope = getattr(keys, "rope_parameters", None)
    part = getattr(rope, "partial_rotary_factor", None)
    if head_width % 2 and part is None:
        raise ValueError("the width of a head is odd, but rotary positions turn pairs")
    turned = int(head_width * (part or 1))
    if turned % 2 or not turned:
        raise ValueError(
            f"rotary positions turn {turned} dimensions of a head, but they turn pairs"
        )


def require_heads(width: int, heads: int) -> None:
    """ValueError if the heads do not share the width evenly."""
    if width % heads:
        raise ValueError(f"hidden_size {width} is not a multiple of num_attention_heads {heads}")
