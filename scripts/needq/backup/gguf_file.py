"""A GGUF file of a Llama model: its config, its tensors and its tokenizer.

llama.cpp writes quantised blocks with their scales inside, so the `gguf` package alone turns them
into float32. What its metadata says is taken key by key. A key that changes what the model computes
and is not known here is refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from needq.backup.checkpoint import Stored
from needq.backup.layout import Architecture
from needq.backup.source_files import require_file
from needq.common.errors import UserError
from needq.common.files import ModelConfig

if TYPE_CHECKING:
    from gguf.gguf_reader import ReaderTensor

# the keys of config.json, by the metadata of the architecture llama
KEYS = {
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "block_count": "num_hidden_layers",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "rope.freq_base": "rope_theta",
}
# how many dimensions of a head have a rotary position; all of them in Llama
ROTARY = ("rope.dimension_count", "attention.key_length", "attention.value_length")
# keys that change nothing if they have these values
NEUTRAL: dict[str, tuple[object, ...]] = {
    "rope.scaling.type": ("none",),
    "rope.scale_linear": (1.0,),
    "rope.scaling.factor": (0.0, 1.0),
    "rope.scaling.finetuned": (False,),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "attention.causal": (True,),
    "tensor_data_layout": ("Meta AI original pth",),
}

# kinds of tokenizers, and how they split a text, by llama.cpp's names
TOKENIZERS = {("gpt2", None), ("gpt2", "gpt-2"), ("gpt2", "gpt2"), ("gpt2", "smollm")}
TOKENIZERS |= {("llama", None), ("llama", "default")}
# what the metadata says of a tokenizer; needq puts no tokens around a text of itself
TOKENIZER_KEYS = set("model pre tokens token_type scores merges add_space_prefix".split())
TOKENIZER_KEYS |= {"add_bos_token", "add_eos_token", "add_sep_token"}
USER_DEFINED = 4  # the type of a token that is always one, though it is no special one
# keys of other groups: what the file is, and how many files it was cut into
OTHER_GROUPS = ("GGUF.", "general.", "quantize.", "tokenizer.chat_template", "tokenizer.hugging")


class GGUF(NamedTuple):
    """What a GGUF file holds."""

    file: Path
    config: ModelConfig
    fields: Mapping[str, Any]  # metadata by key
    tensors: Mapping[str, "ReaderTensor"]  # the reader's tensors, by the names of the file


def read_gguf(file: Path) -> GGUF:
    """Open a GGUF file; UserError if it is damaged, or not of a plain Llama."""
    from gguf import GGUFReader

    class Reader(GGUFReader):
        """A reader that notices the end of the file."""

        def _get(self, offset: int, dtype: Any, count: int = 1, override_order: Any = None) -> Any:
            if not 0 <= offset + np.dtype(dtype).itemsize * int(count) <= self.data.size:
                raise ValueError("it ends too early")
            return super()._get(offset, dtype, count, override_order)

    require_file(file)
    try:
        reader = Reader(file)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except Exception as error:  # whatever a damaged file makes of the reader
        raise UserError(f"model: {file} is damaged, or not a GGUF file ({error})") from None
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    return GGUF(file, _config(file, fields, "output.weight" not in tensors), fields, tensors)


def _config(file: Path, fields: Mapping[str, Any], tied: bool) -> ModelConfig:
    """The config.json that the metadata amounts to."""
    kind = fields.get("general.architecture")
    if kind != "llama":
        raise UserError(
            f"model: {file} is a GGUF of the architecture {kind}; GGUF files of llama can be read"
        )
    config: dict[str, object] = {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": len(fields.get("tokenizer.ggml.tokens") or []),
        "tie_word_embeddings": tied,
    }
    for key, value in fields.items():
        _require_known(file, key, value)
    own = {k.removeprefix("llama."): v for k, v in fields.items() if k.startswith("llama.")}
    for key, value in own.items():
        if key in KEYS:
            config[KEYS[key]] = value
        elif key == "vocab_size":
            if value != config["vocab_size"]:
                raise UserError(
                    f"model: {file} has {config['vocab_size']} tokens, but says vocab_size {value}"
                )
        elif key not in ROTARY and value not in NEUTRAL.get(key, ()):
            raise UserError(
                f"model: {file} sets llama.{key} = {value}, which is not supported; use the "
                "model's safetensors"
            )
    widths = {own[key] for key in ROTARY if key in own}
    if len(widths) > 1:
        raise UserError(f"model: {file}: {', '.join(ROTARY)} do not agree")
    return config | ({"head_dim": widths.pop()} if widths else {})


def _require_known(file: Path, key: str, value: object) -> None:
    """UserError for a key outside the architecture that is not known to change nothing."""
    if key == "general.type" and value != "model":
        raise UserError(f"model: {file} is no model but a GGUF of the type {value}")
    if key == "split.count" and value not in (0, 1):
        raise UserError(f"model: {file} is one of {value} parts; merge them first")
    part = key.removeprefix("tokenizer.ggml.")
    if part in TOKENIZER_KEYS or part.endswith(("_token_id", "_token_ids")):
        return
    if part == "remove_extra_whitespaces" and value is False:
        return
    if not key.startswith(("llama.", "split.", *OTHER_GROUPS)):
        raise UserError(f"model: {file} sets {key}, which is not supported")


def named_tensors(gguf: GGUF, architecture: Architecture) -> dict[str, "ReaderTensor"]:
    """The reader's tensors by their names in safetensors files; by their own if they have none."""
    from gguf import MODEL_ARCH, get_tensor_name_map

    layers = get_tensor_name_map(MODEL_ARCH.LLAMA, architecture.n_blocks)
    known = {}
    for name in architecture.shapes():
        layer, part = name.rsplit(".", 1)
        known[f"{layers.get_name(layer)}.{part}"] = name
    return {known.get(name, name): tensor for name, tensor in gguf.tensors.items()}


def stored(gguf: GGUF, tensor: "ReaderTensor") -> Stored:
    """A tensor as the file holds it."""
    shape = tuple(int(size) for size in reversed(tensor.shape))
    return Stored(shape, tensor.tensor_type.name, gguf.file)


def read_tensor(name: str, tensor: "ReaderTensor", architecture: Architecture) -> np.ndarray:
    """A tensor as float32, quantised blocks multiplied by their scales.

    llama.cpp orders the rows of W_Q and W_K so that the two dimensions that a rotary position turns
    are neighbours. In safetensors files they are half a head apart.
    """
    from gguf import dequantize

    try:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
    except (NotImplementedError, ValueError) as error:
        raise UserError(f"model: the tensor {tensor.name} cannot be read ({error})") from None
    heads = {"q_proj": architecture.heads, "k_proj": architecture.key_value_heads}
    layer = name.split(".")[-2]
    if layer in heads:
        pairs = values.reshape(heads[layer], architecture.head_width // 2, 2, -1)
        values = pairs.swapaxes(1, 2).reshape(values.shape)
    return np.ascontiguousarray(values)


def write_tokenizer(gguf: GGUF, file: Path) -> None:
    """Write the tokenizer of a GGUF as tokenizer.json, as transformers converts it."""
    from tokenizers import AddedToken, decoders, pre_tokenizers
    from transformers.integrations.ggml import convert_gguf_tokenizer
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    kind, split = (gguf.fields.get(f"tokenizer.ggml.{key}") for key in ("model", "pre"))
    if (kind, split) not in TOKENIZERS:
        raise UserError(
            f"model: {gguf.file} has a tokenizer of the kind {kind} that splits texts as {split}, "
            "which is not supported; use the model's safetensors and tokenizer.json"
        )
    try:
        values = load_gguf_checkpoint(str(gguf.file))["tokenizer"]
        tokenizer, _ = convert_gguf_tokenizer("llama", values)
    except Exception as error:  # whatever a damaged file makes of the converter
        raise UserError(f"model: {gguf.file}: its tokenizer cannot be read ({error})") from None
    types = gguf.fields.get("tokenizer.ggml.token_type") or []
    tokens = gguf.fields["tokenizer.ggml.tokens"]
    own = [tokens[index] for index, of_type in enumerate(types) if of_type == USER_DEFINED]
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in own])
    if kind == "gpt2":  # the converter's own takes a space off the beginning
        tokenizer.decoder = decoders.ByteLevel()
    if split == "smollm":  # the converter knows GPT-2's way alone
        digits = pre_tokenizers.Digits(individual_digits=True)
        by_words = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, by_words])
    tokenizer.save(str(file))
