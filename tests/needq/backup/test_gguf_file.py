"""GGUF files: read with their scales, and refused where they say what is not computed here."""

import contextlib
import random

import numpy as np
import pytest
from gguf import GGMLQuantizationType, RopeScalingType, quantize
from gguf_files import write_gguf
from needq.backup.gate import admit
from needq.backup.gguf_file import read_gguf, read_tensor, write_tokenizer
from needq.backup.originals import GGUFModel
from needq.backup.tokenizer import load_tokenizer
from needq.common.errors import UserError
from needq.common.files import read_json
from safetensors.numpy import load_file


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tiny.gguf"


def refused(file):
    with pytest.raises(UserError) as error:
        model = GGUFModel(file)
        admit(model.architecture, model.stored)
    assert "\n" not in str(error.value)
    assert str(file) in str(error.value) or "its files hold" in str(error.value)
    return str(error.value)


def test_tensors_are_those_of_the_folder_it_was_made_from(llama, file):
    write_gguf(file, llama.source)
    model = GGUFModel(file)
    tensors = load_file(llama.source / "model.safetensors")
    assert model.stored.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert np.array_equal(model.read(name), tensor), name
        assert model.stored[name] == (tensor.shape, "F32", file)
    own = read_json(llama.source / "config.json")
    for key, value in model.config.items():
        if key != "rms_norm_eps":
            assert own.get(key, own["rope_parameters"].get(key)) == value, key
    assert model.config["rms_norm_eps"] == pytest.approx(own["rms_norm_eps"])  # float32 there


def test_a_tied_head_is_one_that_the_file_lacks(llama, file):
    write_gguf(file, llama.source, change=lambda n, t: None if n == "lm_head.weight" else t)
    model = GGUFModel(file)
    assert model.architecture.tied
    assert admit(model.architecture, model.stored).left_out == []


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "BF16", "F16"])
def test_quantised_blocks_are_multiplied_by_their_scales(kind):
    from types import SimpleNamespace

    values = np.random.default_rng(0).normal(0, 0.3, (8, 64)).astype(np.float32)
    quantised = GGMLQuantizationType[kind]
    tensor = SimpleNamespace(name="t", data=quantize(values, quantised), tensor_type=quantised)
    sizes = SimpleNamespace(heads=2, key_value_heads=1, head_width=4)
    read = read_tensor("model.layers.0.mlp.up_proj.weight", tensor, sizes)
    assert read.dtype == np.float32
    step = {"Q8_0": 0.01, "Q4_0": 0.2, "BF16": 0.01, "F16": 0.001}[kind]
    assert np.abs(read - values).max() < step
    assert np.std(read) == pytest.approx(0.3, rel=0.05)


def test_integers_are_not_taken_for_weights(llama, file):
    name = "model.layers.0.mlp.up_proj.weight"
    write_gguf(file, llama.source, change=lambda n, t: t.astype(np.int32) if n == name else t)
    model = GGUFModel(file)
    with pytest.raises(UserError, match=r"the tensor blk.0.ffn_up.weight cannot be read"):
        model.read(name)


def linear_rope(writer):
    writer.add_rope_scaling_type(RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)


def tensor(name, *shape):
    return lambda writer: writer.add_tensor(name, np.ones(shape, np.float32))


UNKNOWN = {
    # kalosm#340, vllm#7268
    "rope scaling": (linear_rope, "llama.rope.scaling.type = linear"),
    "rope frequencies": (tensor("rope_freqs.weight", 2), "not known: rope_freqs.weight"),
    "bias": (tensor("blk.0.attn_q.bias", 24), "not known: blk.0.attn_q.bias"),
    "another block": (tensor("blk.4.attn_q.weight", 24, 24), "not known: blk.4.attn_q.weight"),
    "experts": (lambda w: w.add_expert_count(8), "llama.expert_count = 8"),
    "sliding window": (lambda w: w.add_sliding_window(8), "llama.attention.sliding_window = 8"),
    "soft cap": (lambda w: w.add_attn_logit_softcapping(30.0), "softcapping = 30.0"),
    "an adapter": (lambda w: w.add_type("adapter"), "is no model but a GGUF of the type adapter"),
    "a part": (lambda w: w.add_uint16("split.count", 3), "is one of 3 parts; merge them first"),
    "spaces removed": (
        lambda w: w.add_remove_extra_whitespaces(True),
        "sets tokenizer.ggml.remove_extra_whitespaces",
    ),
    "another architecture's key": (lambda w: w.add_uint32("clip.x", 1), "sets clip.x"),
    "key length": (
        lambda w: (w.add_key_length(4), w.add_rope_dimension_count(2)),
        "do not agree",
    ),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_not_computed_here_is_refused_by_name(llama, file, kind):
    add, message = UNKNOWN[kind]
    write_gguf(file, llama.source, add)
    assert message in refused(file)


def test_values_that_change_nothing_are_taken(llama, file):
    write_gguf(
        file,
        llama.source,
        lambda w: (
            w.add_rope_scaling_type(RopeScalingType.NONE),
            w.add_rope_dimension_count(4),
            w.add_rope_scaling_finetuned(False),
            w.add_remove_extra_whitespaces(False),
        ),
    )
    assert GGUFModel(file).architecture.head_width == 4


def test_another_architecture_is_refused_by_name(llama, file):
    write_gguf(file, llama.source, kind="qwen2")
    assert "is a GGUF of the architecture qwen2" in refused(file)


def test_the_tokenizer_reads_as_the_one_it_was_made_from(llama, file, tmp_path):
    write_gguf(file, llama.source)
    write_tokenizer(read_gguf(file), tmp_path / "tokenizer.json")
    own = load_tokenizer(llama.source / "tokenizer.json")
    converted = load_tokenizer(tmp_path / "tokenizer.json")
    text = "Once upon, a time é 12\n\n 3"
    ids = converted.encode(text, add_special_tokens=False).ids
    assert ids == own.encode(text, add_special_tokens=False).ids
    assert converted.decode(ids) == text


def test_a_token_that_a_user_defined_is_one(llama, file, tmp_path):
    """And a text keeps the space at its beginning."""
    from gguf import TokenType

    def define(writer):
        types = [TokenType.NORMAL] * 257
        types[254] = TokenType.USER_DEFINED  # qx, which its merge makes of q and x too
        writer.kv_data[0]["tokenizer.ggml.token_type"].value[:] = types

    write_gguf(file, llama.source, define)
    write_tokenizer(read_gguf(file), tmp_path / "tokenizer.json")
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    assert "qx" in [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    ids = tokenizer.encode(" a qx", add_special_tokens=False).ids
    assert tokenizer.decode(ids) == " a qx"


def test_a_way_to_split_texts_that_is_not_known_is_refused(llama, file, tmp_path):
    write_gguf(file, llama.source, lambda w: w.add_tokenizer_pre("llama-bpe"))
    with pytest.raises(UserError, match="splits texts as llama-bpe, which is not supported"):
        write_tokenizer(read_gguf(file), tmp_path / "tokenizer.json")


def test_smollm_splits_every_digit(llama, file, tmp_path):
    write_gguf(file, llama.source, lambda w: w.add_tokenizer_pre("smollm"))
    write_tokenizer(read_gguf(file), tmp_path / "tokenizer.json")
    split = load_tokenizer(tmp_path / "tokenizer.json").pre_tokenizer.pre_tokenize_str("in 123")
    assert [part for part, _ in split] == ["in", "Ġ", "1", "2", "3"]


def test_a_cut_file_is_refused_wherever_it_is_cut(llama, file):
    write_gguf(file, llama.source)
    content = file.read_bytes()
    for size in [
        0,
        1,
        4,
        8,
        24,
        100,
        *range(500, len(content), len(content) // 40),
        len(content) - 1,
    ]:
        file.write_bytes(content[:size])
        assert "is damaged, or not a GGUF file" in refused(file)


def test_a_flipped_byte_never_hangs_or_breaks_the_reader(llama, file):
    """The metadata is taken, or refused in one line; a length of 2^60 once took forever."""
    write_gguf(file, llama.source)
    content, numbers = file.read_bytes(), random.Random(0)
    for _ in range(150):
        place = numbers.randrange(4000)
        flipped = bytearray(content)
        flipped[place] ^= 1 << numbers.randrange(8)
        file.write_bytes(bytes(flipped))
        with contextlib.suppress(UserError):
            model = GGUFModel(file)
            admit(model.architecture, model.stored)
