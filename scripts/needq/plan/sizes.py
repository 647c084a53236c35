"""What the config.json of a model folder, or the head of a GGUF file, says of its sizes.

Only what the first job would refuse is refused here. Of anything odd the backup has more to say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from needq.common.keys import matrices
from needq.common.settings import Config
from needq.common.units import name_matrices
from needq.plan.gguf import READ_FROM_GGUF, read_keys
from needq.plan.interventions import ALL, DIMENSIONS, RUN, sweeps_run

LARGEST = 1 << 24  # bytes of a config.json that is read
# for each model_type: blocks, width, heads, heads of W_K and W_V, context; "" is not asked for,
# since the context of Bloom is not limited, and Falcon says in several keys who shares keys
LLAMA = (
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)
PLAIN = (*LLAMA[:3], LLAMA[2], LLAMA[4])  # every head has keys and values of its own
KIN = """llama mistral mixtral qwen2 qwen3 smollm3 granite olmo2 gemma gemma2 gemma3_text phi phi3
    stablelm""".split()
NAMES = dict.fromkeys(KIN, LLAMA) | {
    "gpt2": ("n_layer", "n_embd", "n_head", "n_head", "n_positions"),
    "gptj": ("n_layer", "n_embd", "n_head", "n_head", "n_positions"),
    "gpt_neo": ("num_layers", "hidden_size", "num_heads", "num_heads", PLAIN[4]),
    "gpt_neox": PLAIN,
    "opt": PLAIN,
    "bloom": ("n_layer", "hidden_size", "n_head", "n_head", ""),
    "falcon": (*LLAMA[:3], "", ""),
}

IN_GGUF = (
    "block_count",
    "embedding_length",
    "attention.head_count",
    "attention.head_count_kv",
    "context_length",
)


# the width of the MLP by any of these families; if none is there or null, it is 4 times the width
MLP = ("n_inner", "intermediate_size", "ffn_dim", "ffn_hidden_size", "feed_forward_length")
GATED = {*KIN} - {"phi"}  # those whose MLP has a gate, a third matrix


class Sizes(NamedTuple):
    """The sizes of a model; None for one that is not known."""

    n_blocks: int | None
    width: int | None
    heads: int | None
    key_value_heads: int | None
    context: int | None
    inner: int | None  # the width of the MLP
    vocabulary: int | None
    mlp_matrices: int | None  # of a block


def read_sizes(folder: str) -> Sizes | None:
    """The sizes that a folder's config.json gives; None if it is odd or of another architecture."""
    file = Path(folder, "config.json")
    try:
        if file.stat().st_size > LARGEST:
            return None
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return sizes_of(values) if isinstance(values, dict) else None


def sizes_of(values: Mapping[str, object]) -> Sizes | None:
    """The sizes that a config.json's keys give; None if they are of another architecture."""
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in NAMES:
        return None
    return _sizes(kind, NAMES[kind], values)


def read_gguf_sizes(file: str) -> Sizes | None:
    """The sizes that the head of a GGUF file gives; None if it is of another architecture."""
    values = read_keys(file)
    if values.get("general.architecture") != READ_FROM_GGUF:
        return None
    own = {key.removeprefix(f"{READ_FROM_GGUF}."): value for key, value in values.items()}
    return _sizes(READ_FROM_GGUF, IN_GGUF, own)


def _sizes(kind: str, names: Iterable[str], values: Mapping[str, object]) -> Sizes:
    blocks, width, heads, key_value_heads, context = (_number(values, name) for name in names)
    inner = next(filter(None, (_number(values, name) for name in MLP)), width and 4 * width)
    experts = _number(values, "num_local_experts") or 1
    matrices = None if inner is None else experts * (3 if kind in GATED else 2)
    vocabulary = _number(values, "vocab_size")
    return Sizes(blocks, width, heads, key_value_heads, context, inner, vocabulary, matrices)


def _number(values: Mapping[str, object], name: str) -> int | None:
    """A size, if it is there and one that a model may have."""
    value = values.get(name)
    return value if type(value) is int and value > 0 else None


def size_problems(config: Config, sizes: Sizes) -> Iterator[str]:
    """What of a config a model of these sizes cannot do: each a line that begins with its key."""
    model, location = config.model, config.model.location
    if sizes.n_blocks not in (None, model.n_blocks):
        yield f"model.n_blocks: says {model.n_blocks}, but {location} has {sizes.n_blocks}"
    for name in sweeps_run(config.sweeps, *RUN):
        sweep = config.sweeps[name]
        shared = set("kv") & set(matrices(sweep.matrix))
        heads = sizes.key_value_heads if shared else sizes.heads
        for key, count in (("heads", heads), ("dimensions", sizes.width)):
            chosen = getattr(sweep, key)
            largest = max(chosen) if chosen != ALL else 0
            if count is not None and largest >= count:
                yield (
                    f"sweeps.{name}.{key}: there is no {key[:-1]} {largest}; "
                    f"{name_matrices(sweep.matrix)} of the model has {key} 0 to {count - 1}"
                )
        if sweep.steps == DIMENSIONS and sizes.width is not None and sweep.groups > sizes.width:
            yield f"sweeps.{name}.groups: {sweep.groups} exceeds the model's width of {sizes.width}"
    if sizes.context is None:
        return
    new, scored = config.generation.max_new_tokens, config.evaluation.tokens_per_document
    if new >= sizes.context:
        yield (
            f"generation.max_new_tokens: {new} and a prompt exceed the model's context of "
            f"{sizes.context}"
        )
    if scored is not None and scored >= sizes.context:
        yield (
            f"evaluation.tokens_per_document: {scored} and the begin token exceed the model's "
            f"context of {sizes.context}"
        )
